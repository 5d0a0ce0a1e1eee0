"""The objective protocol as a computation: what a step learns from, what is measured on held-out
videos, and how videos are sampled.

Random numbers are functions of (seed, step, place in the global batch) or of a video's index, so
that neither the number of workers nor the company of other videos changes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow import device_noise
from physscale.flow.noise import Stream, batch_normal

__all__ = ["HeldOutErrors", "Network", "Objective", "Part", "ProbeInput", "Share"]

Network = Callable[..., Tensor]
"""(model input, t) to a prediction; (model input, t, conditioning) for a model that reads it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which videos of a step's global batch a worker has: `rows` of `batch` videos, dealt out to
    `world` workers. `whole`: every worker has equally many and does not split them, so plain means
    add up. `noise` names the generator of `normal` (`TrainSpec.noise`)."""

    step: int
    seed: int
    batch: int
    rows: slice
    world: int = 1
    whole: bool = True
    noise: Literal["host", "device"] = "host"

    def normal(
        self, shape: tuple[int, ...], *, device: torch.device | str
    ) -> Float[Tensor, "rows ..."]:
        """Standard normal numbers [rows, *shape], float32, on this device. Neither the device nor
        the other rows change a bit of a row."""
        stream, rows, batch = Stream.NOISE, self.rows, self.batch
        if self.noise == "device":
            return device_noise.batch_normal(
                self.seed,
                stream=stream,
                counter=self.step,
                rows=rows,
                batch=batch,
                shape=shape,
                device=device,
            )
        return batch_normal(
            self.seed, stream=stream, counter=self.step, rows=rows, batch=batch, shape=shape
        ).to(device)


@runtime_checkable
class Share(Protocol):
    """A worker's part of a step's global batch: everything but the model that the loss depends
    on."""

    @property
    def x0(self) -> Float[Tensor, "share time channels height width"]: ...

    def loss(self, model: Network, *, rows: slice) -> Float[Tensor, ""]:
        """Of these videos of the share. The losses of a share's parts add up to the share's, and
        the shares' mean is the loss of the batch."""


@dataclass(frozen=True, kw_only=True)
class HeldOutErrors:
    """Mean squared errors on the generated frames of each video, in latent units.

    Attributes:
        from_given: of what is predicted from the given frames alone: the metric `loss`.
        as_trained: of what the training asks for, mean over fixed cases: the metric `loss_grid`.
    """

    from_given: Float[Tensor, " batch"]
    as_trained: Float[Tensor, " batch"]


@dataclass(frozen=True, kw_only=True)
class ProbeInput:
    """What the backbone sees when probes read its features, and the frame of its own in which it
    holds `ObjectiveSpec.probed_frame`."""

    inputs: Tensor
    t: Tensor
    frame: int


@runtime_checkable
class Objective(Protocol):
    """Trains, measures and samples any backbone of the right shape. All videos of a call pass
    through the backbone together, on its device; `run/inference.py` calls with a few at a time."""

    def draw(
        self,
        x0: Float[Tensor, "share time channels height width"],
        *,
        part: Part,
        conditioning: Tensor | None = None,
    ) -> Share:
        """Draw the random numbers that this step needs for a worker's videos."""

    def held_out(
        self,
        model: Network,
        latents: Float[Tensor, "batch time channels height width"],
        *,
        indices: Sequence[int],
        conditioning: Tensor | None = None,
    ) -> HeldOutErrors:
        """Errors on videos with these row indices. Every model gets the same random numbers."""

    def sample(
        self,
        model: Network,
        *,
        given: Float[Tensor, "batch given channels height width"],
        frames: int,
        indices: Sequence[int],
        seed: int,
        conditioning: Tensor | None = None,
    ) -> Float[Tensor, "batch time channels height width"]:
        """Videos of so many latent frames that continue the given ones, which are kept as they are.
        A video's sample depends on (seed, its row index) and not on the others.

        Raises:
            UserError: for fewer frames than the objective conditions on.
        """

    def probe_input(
        self,
        latents: Float[Tensor, "batch time channels height width"],
        *,
        indices: Sequence[int],
    ) -> ProbeInput:
        """The given frames of these videos, as the backbone sees them when it predicts
        `ObjectiveSpec.probed_frame`."""
