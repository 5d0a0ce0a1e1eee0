"""Are position and velocity written, linearly, into a model's features? Ridge regression on each
layer, R² on videos it did not see.

The model looks at pure noise and the given frames (t = 1), so what its tokens know of a later frame
it has worked out. Of each layer the tokens of that frame are read: alone, or, where a frame has
several, as their mean and their means weighted by column and row. What the number must be compared
with: the same regression on the given latents (what a linear map can do without a model), on an
untrained model of the same shape, and with the labels of the training half shuffled (0 or below).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from physscale.evaluate.held_out_loss import COMMON_SEED
from physscale.evaluate.scores import Interval
from physscale.flow.condition import model_input
from physscale.flow.noise import Stream, normal
from physscale.flow.spec import FlowSpec
from physscale.model.dit import DiT

STRENGTHS = np.logspace(-6, 3, 19)
"""Of the ridge, in units of the mean squared singular value; chosen by generalised
cross-validation."""

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
        """Targets of these rows."""
        return ((features - self.mean) / self.scale) @ self.weight + self.offset


def fit_probe(
    features: Float[np.ndarray, "batch features"], *, targets: Float[np.ndarray, "batch targets"]
) -> Probe:
    """Each target with its own strength (generalised cross-validation: Golub, Heath, Wahba
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
    """1 - Σ (true - predicted)² / Σ (true - mean)², targets pooled; 95 % bootstrap interval over
    the videos. NaN where nothing varies."""
    rest, spread = np.square(true - predicted).sum(1), np.square(true - true.mean(0)).sum(1)
    if not spread.sum() > 1e-9 * len(true):
        return Interval(np.nan, np.nan, np.nan, len(true))
    rng = np.random.Generator(np.random.Philox(key=seed))
    draws = rng.integers(len(true), size=(DRAWS, len(true)))
    low, high = np.quantile(1 - rest[draws].sum(1) / spread[draws].sum(1), (0.025, 0.975))
    return Interval(float(1 - rest.sum() / spread.sum()), float(low), float(high), len(true))


@torch.no_grad()
def layer_features(
    model: DiT,
    latents: Float[Tensor, "batch time channels height width"],
    *,
    flow: FlowSpec,
    indices: Sequence[int],
    frame: int,
    conditioning: Tensor | None = None,
) -> dict[str, Float[np.ndarray, "batch features"]]:
    """What each layer (`embedding`, `block 1` …) holds of latent frame `frame` while the model sees
    the given frames and noise."""
    found: dict[str, np.ndarray] = {}
    layers = {"embedding": model.embed} | {
        f"block {number}": block for number, block in enumerate(model.blocks, 1)
    }
    shape = tuple(latents.shape[1:])
    noise = torch.stack(
        [
            normal(COMMON_SEED, stream=Stream.HELD_OUT, counter=int(index), shape=shape)
            for index in indices
        ]
    )
    hooks = [
        layer.register_forward_hook(_keeper(name, found, model=model, frame=frame))
        for name, layer in layers.items()
    ]
    try:
        seen = model_input(noise.to(latents), clean=latents, condition_frames=flow.condition_frames)
        model(seen, latents.new_ones(len(latents)), conditioning)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _keeper(
    name: str, found: dict[str, np.ndarray], *, model: DiT, frame: int
) -> Callable[[nn.Module, object, Tensor], None]:
    """A hook that puts a layer's output into `found`."""

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        found[name] = frame_tokens(output, grid=model.grid, frame=frame // model.spec.time_patch)

    return keep


def frame_tokens(
    tokens: Float[Tensor, "batch tokens width"], *, grid: tuple[int, int, int], frame: int
) -> Float[np.ndarray, "batch features"]:
    """Of one token frame: its token, or mean, mean weighted by column, mean weighted by row
    (weights from -1 to 1). Tokens behind those of the video are left out."""
    own = (
        tokens[:, : math.prod(grid)]
        .reshape(len(tokens), *grid, -1)[:, frame]
        .double()
        .cpu()
        .numpy()
    )
    _, rows, columns = grid
    if rows == columns == 1:
        return own[:, 0, 0]
    across, up = np.linspace(-1, 1, columns)[None, :, None], np.linspace(-1, 1, rows)[:, None, None]
    return np.concatenate(
        [(own * weight).mean((1, 2)) for weight in (np.ones((1, 1, 1)), across, up)], axis=1
    )
