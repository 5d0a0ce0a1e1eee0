"""Can position and velocity be read linearly from a model's features? Ridge regression on each
layer, R² on held-out videos.

The model sees only the given frames (and pure noise, if it is a diffusion model). Whatever its
features hold about a later frame, it has computed itself. A layer's features of that frame are used
directly if the frame has one position. Otherwise their mean and their means weighted by column and
row are used. Compare R² with three controls: the same regression on the given latents (what a
linear map achieves without a model), on an untrained model of the same shape, and with shuffled
training labels (0 or below)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from physscale.evaluate.scores import Interval
from physscale.flow.objective import Objective
from physscale.model.backbone import Backbone

STRENGTHS = np.logspace(-6, 3, 19)
"""Ridge strengths in units of the mean squared singular value; generalised cross-validation chooses
one."""

DRAWS = 500


@dataclass(frozen=True)
class Probe:
    """A ridge regression: standardised features to centred targets."""

    mean: Float[np.ndarray, " features"]
    scale: Float[np.ndarray, " features"]
    weight: Float[np.ndarray, "features targets"]
    offset: Float[np.ndarray, " targets"]

    def predict(
        self, features: Float[np.ndarray, "batch features"]
    ) -> Float[np.ndarray, "batch targets"]:
        """The predicted targets of these rows."""
        return ((features - self.mean) / self.scale) @ self.weight + self.offset


def fit_probe(
    features: Float[np.ndarray, "batch features"], *, targets: Float[np.ndarray, "batch targets"]
) -> Probe:
    """Fits each target with its own strength (generalised cross-validation: Golub, Heath and Wahba
    1979)."""
    mean, scale, offset = features.mean(0), features.std(0), targets.mean(0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    left, singular, right = np.linalg.svd((features - mean) / scale, full_matrices=False)
    inside = left.T @ (targets - offset)
    outside = np.square(targets - offset).sum(0) - np.square(inside).sum(0)
    weights = []
    for target in range(targets.shape[1]):
        scores, choices = [], []
        for strength in STRENGTHS * np.square(singular).mean():
            shrink = np.square(singular) / (np.square(singular) + strength)
            rest = np.square((1 - shrink) * inside[:, target]).sum() + max(outside[target], 0.0)
            scores.append(rest / max(len(features) - 1 - shrink.sum(), 1e-9) ** 2)
            choices.append(right.T @ (shrink / np.maximum(singular, 1e-12) * inside[:, target]))
        weights.append(choices[int(np.argmin(scores))])
    return Probe(mean, scale, np.stack(weights, axis=1), offset)


def r_squared(
    predicted: Float[np.ndarray, "batch targets"],
    *,
    true: Float[np.ndarray, "batch targets"],
    seed: int = 0,
) -> Interval:
    """1 - Σ (true - predicted)² / Σ (true - mean)² over all targets, with a 95 % bootstrap interval
    over the videos; NaN if the targets do not vary."""
    rest, spread = np.square(true - predicted).sum(1), np.square(true - true.mean(0)).sum(1)
    if not spread.sum() > 1e-9 * len(true):
        return Interval(np.nan, np.nan, np.nan, len(true))
    rng = np.random.Generator(np.random.Philox(key=seed))
    draws = rng.integers(len(true), size=(DRAWS, len(true)))
    low, high = np.quantile(1 - rest[draws].sum(1) / spread[draws].sum(1), (0.025, 0.975))
    return Interval(float(1 - rest.sum() / spread.sum()), float(low), float(high), len(true))


@torch.no_grad()
def layer_features(
    model: Backbone,
    latents: Float[Tensor, "batch time channels height width"],
    *,
    objective: Objective,
    indices: Sequence[int],
    conditioning: Tensor | None = None,
) -> dict[str, Float[np.ndarray, "batch features"]]:
    """The features of the objective's probed frame in each layer (`Backbone.layers`)."""
    found: dict[str, np.ndarray] = {}
    probe = objective.probe_input(latents, indices=indices)
    hooks = [
        layer.register_forward_hook(_keeper(name, found, model=model, frame=probe.frame))
        for name, layer in model.layers().items()
    ]
    try:
        model(probe.inputs, probe.t, conditioning)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _keeper(
    name: str, found: dict[str, np.ndarray], *, model: Backbone, frame: int
) -> Callable[[nn.Module, object, Tensor], None]:
    """A hook that puts a layer's output into `found`."""

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        found[name] = over_positions(model.frame_features(output, frame=frame))

    return keep


def over_positions(
    features: Float[Tensor, "batch rows columns features"],
) -> Float[np.ndarray, "batch summed"]:
    """The features of a frame's only position; or their mean, their mean weighted by column, and
    their mean weighted by row, with weights from -1 to 1."""
    own = features.double().cpu().numpy()
    _, rows, columns, _ = own.shape
    if rows == columns == 1:
        return own[:, 0, 0]
    across, up = np.linspace(-1, 1, columns)[None, :, None], np.linspace(-1, 1, rows)[:, None, None]
    weights = (np.ones((1, 1, 1)), across, up)
    return np.concatenate([(own * weight).mean((1, 2)) for weight in weights], axis=1)
