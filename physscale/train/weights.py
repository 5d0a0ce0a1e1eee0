"""Everything that a step changes in a model's parameters, behind one interface: whole on every
device (below) or in shards (`train/sharded.py`).

Either loads what the other saved, bit for bit.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.model.backbone import Backbone
from physscale.train.ema import new_share
from physscale.train.flat import FlatParameters, flatten
from physscale.train.optim import Optimiser
from physscale.train.overlap import Overlap
from physscale.train.parallel import ALONE, Workers
from physscale.train.spec import TrainSpec
from physscale.train.stored import KINDS, Tensors

__all__ = ["Read", "Weights", "WholeWeights"]


Read = Callable[[str, str], Tensor]
"""A tensor of a checkpoint by kind (`stored.KINDS`) and name: whole, on the CPU."""


@runtime_checkable
class Weights(Protocol):
    """The parameters of a model in training with gradients, moments and average. Every worker calls
    every method."""

    def zero_gradients(self) -> None: ...

    def averaging(self) -> AbstractContextManager[None]:
        """Around the backward pass that completes a step's gradients; afterwards they are averages
        over the workers."""

    def gradient_norm(self) -> Float[Tensor, ""]:
        """The norm of all gradients of the whole model, on the device."""

    def scale_gradients(self, factor: Float[Tensor, ""]) -> None:
        """Multiply; what is not finite becomes 0."""

    def update(self, *, step: int, factor: float, alive: Float[Tensor, ""]) -> None:
        """Update the values and their average. `step` counts from 0; `factor` multiplies the
        learning rates. With `alive` 0 instead of 1, and gradients of 0, nothing changes."""

    def averages(self) -> dict[str, Tensor]:
        """The averaged tensors by name, whole, as copies."""

    def parts(self, workers: Workers) -> int:
        """In how many parts everything is saved, each by the worker of its number."""

    def tensors(self) -> Tensors:
        """This worker's part, as views."""

    def load(self, read: Read) -> None:
        """Restore what was saved, bit for bit, whatever its parts were."""


@dataclass(frozen=True)
class WholeWeights:
    """One device, or each of several, holds everything, in vectors of one layout: one operation for
    all parameters, one all-reduce."""

    spec: TrainSpec
    flat: FlatParameters
    optimiser: Optimiser
    ema: Float[Tensor, " total"]
    overlap: Overlap | None

    @staticmethod
    def of(
        model: Backbone,
        *,
        spec: TrainSpec,
        rates: dict[str, float] | None,
        workers: Workers = ALONE,
    ) -> "WholeWeights":
        """Of a model that is on its device; `rates` multiplies AdamW's learning rate of the named
        parameters."""
        flat = flatten(model)
        optimiser = Optimiser.create(spec, flat=flat, rates=rates, workers=workers)
        overlap = Overlap(model, flat=flat, workers=workers) if workers.world > 1 else None
        return WholeWeights(spec, flat, optimiser, flat.values.clone(), overlap)

    def zero_gradients(self) -> None:
        self.flat.gradients.zero_()

    def averaging(self) -> AbstractContextManager[None]:
        return nullcontext() if self.overlap is None else self.overlap.averaging()

    def gradient_norm(self) -> Float[Tensor, ""]:
        return torch.linalg.vector_norm(self.flat.gradients)

    def scale_gradients(self, factor: Float[Tensor, ""]) -> None:
        self.flat.gradients.mul_(factor).nan_to_num_(0, 0, 0)

    def update(self, *, step: int, factor: float, alive: Float[Tensor, ""]) -> None:
        self.optimiser.update(step=step, factor=factor, alive=alive)
        weight = alive * new_share(step, decay=self.spec.ema_decay)
        self.ema.lerp_(self.flat.values, weight)

    def averages(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.flat.named(self.ema).items()}

    def parts(self, workers: Workers) -> int:
        return 1

    def tensors(self) -> Tensors:
        vectors = (self.flat.values, self.ema, self.optimiser.first, self.optimiser.second)
        return {kind: self.flat.named(vector) for kind, vector in zip(KINDS, vectors, strict=True)}

    def load(self, read: Read) -> None:
        for kind, named in self.tensors().items():
            for name, own in named.items():
                own.copy_(read(kind, name))
