"""The inputs and the result of a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape
from physscale.train.latents import LatentSource
from physscale.train.parallel import Workers
from physscale.train.spec import CHECKPOINT_MINUTES, TrainSpec

__all__ = ["ConditioningSource", "Observer", "TrainResult", "TrainTask"]


@runtime_checkable
class ConditioningSource(Protocol):
    """The conditioning of a step's videos (`model/conditioning_spec.py`)."""

    def batch(self, step: int, *, seed: int, batch: int, workers: Workers) -> Tensor:
        """The conditioning of this worker's share, in the order of `LatentSource.batches`."""


@dataclass(frozen=True)
class Observer:
    """Looks at the averaged model every `every` steps and at the end, on every worker. The numbers
    that the first worker's returns join the step's line of the history. Its time is not counted as
    training."""

    every: int
    look: Callable[[Backbone, int], Mapping[str, float]]


@dataclass(frozen=True)
class TrainTask:
    """A training.

    Attributes:
        checkpoints: the folder of the folders `step_XXXXXXXX`, which are written and resumed from.
        checkpoint_every, checkpoint_minutes: steps and minutes between two checkpoints; what comes
            first decides. The last step always leaves one.
        metrics: the file of the history. Neither logging nor observers change a result.
        device: where the model lives.
        device_flops_per_s: the rate of the device's large matrix products. With it, the history
            says what share of that rate the model's own products reach (`mfu`).
        conditioning: its source, for a backbone that reads conditioning.
        run: the fingerprint of the run, which its checkpoints name; they continue no other.
    """

    model: BackboneSpec
    objective: ObjectiveSpec
    train: TrainSpec
    seed: int
    latents: LatentSource
    checkpoints: Path
    metrics: Path
    checkpoint_every: int = 500
    checkpoint_minutes: float = CHECKPOINT_MINUTES
    log_every: int = 50
    device: str = "cpu"
    observers: tuple[Observer, ...] = ()
    device_flops_per_s: float | None = None
    conditioning: ConditioningSource | None = None
    run: str = ""

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise UserError(f"train {name}={getattr(self, name)}: must be at least 1")
        if not self.checkpoint_minutes > 0:
            raise UserError(f"train checkpoint_minutes={self.checkpoint_minutes}: must be above 0")
        assert self.backbone_shape.frames, "the objective refuses videos that are too short"
        assert (self.conditioning is None) == (self.model.conditioned_on.kind == "none"), (
            "a backbone with conditioning needs a source of it"
        )

    @property
    def backbone_shape(self) -> BackboneShape:
        return self.objective.backbone_shape(self.latents.shape)


@dataclass(frozen=True)
class TrainResult:
    """`model` has the averaged (EMA) weights. `losses` are those of the global batches, the same
    with or without interruptions."""

    model: Backbone
    losses: Float[Tensor, " steps"]
    checkpoint: Path
    seconds: float
