"""What a training is given and what it gives back, and how it speaks with whoever runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from physscale.flow.spec import FlowSpec
from physscale.model.dit import DiT
from physscale.model.spec import DiTSpec
from physscale.records.errors import UserError
from physscale.train.latents import LatentSource
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec

__all__ = ["ConditioningSource", "Context", "Observer", "TrainResult", "TrainTask"]


@runtime_checkable
class Context(Protocol):
    """The run adapter: a plain process, a Tune trial or a Ray Train worker."""

    @property
    def rank(self) -> int: ...

    @property
    def world(self) -> int: ...

    def stop_requested(self) -> bool:
        """Whether this process was asked to end (a signal, a scheduler)."""


@runtime_checkable
class ConditioningSource(Protocol):
    """What a model with conditioning is told of the videos of a step
    (`model/conditioning_spec.py`)."""

    def batch(self, step: int, *, seed: int, batch: int, workers: Workers) -> Tensor:
        """Of this worker's share, row for row those of `LatentSource.batches`."""


@dataclass(frozen=True)
class Observer:
    """Looks at the averaged model every `every` steps and at the end, on the first worker; what it
    says joins the step's line of the history. Its time counts as none of the training's."""

    every: int
    look: Callable[[DiT, int], Mapping[str, float]]


@dataclass(frozen=True)
class TrainTask:
    """A training. Checkpoints go to (and resume from) folders `step_XXXXXXXX` in `checkpoints`, the
    history to the file `metrics`; how often, and who looks on, does not change a result. `device`
    is where the model lives; with `device_flops_per_s`, the rate of its large matrix products, the
    history says what share of that rate the model's own products reach (`mfu`). `facts` tells a
    model with conditioning."""

    model: DiTSpec
    flow: FlowSpec
    train: TrainSpec
    seed: int
    latents: LatentSource
    checkpoints: Path
    metrics: Path
    checkpoint_every: int = 500
    log_every: int = 50
    device: str = "cpu"
    observers: tuple[Observer, ...] = ()
    device_flops_per_s: float | None = None
    conditioning: ConditioningSource | None = None

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise UserError(f"train {name}={getattr(self, name)}: must be at least 1")
        frames = self.latents.shape.frames
        if self.flow.condition_frames >= frames:
            raise UserError(
                f"flow condition_frames={self.flow.condition_frames}: must be below the videos' "
                f"{frames} frames"
            )
        assert (self.conditioning is None) == (self.model.conditioning == "none"), (
            "who is told needs somebody to tell"
        )


@dataclass(frozen=True)
class TrainResult:
    """`model` has the averaged (EMA) weights; `losses` [steps] are of the global batches, the same
    with or without interruptions."""

    model: DiT
    losses: Float[Tensor, " steps"]
    checkpoint: Path
    seconds: float
