"""AdamW on one vector, and Muon on stacks of matrices. Muon replaces each momentum matrix by the
nearest orthogonal one (`train/orthogonal.py`).

Muon: K. Jordan et al. 2024 (kellerjordan.github.io/posts/muon). AdamW: arXiv 1711.05101. Values and
moments stay in float32, and so do the products of Muon, except on a GPU where the training's own
products are bfloat16 (`narrow`). Both are plain functions of values, gradients and moments, so
workers that average their gradients first make equal steps.

`alive` is a number on the device, 1 or 0 (`train/guard.py`); with 0, and gradients of 0, an update
changes nothing, and the host need not know."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.adamw import adamw as torch_adamw

from physscale.train.flat import FlatParameters
from physscale.train.orthogonal import dealt_out
from physscale.train.parallel import ALONE, Workers
from physscale.train.spec import TrainSpec

__all__ = [
    "ADAM_BETA_1",
    "ADAM_EPSILON",
    "MUON_MOMENTUM",
    "AdamW",
    "Optimiser",
    "adamw",
    "kept_by_decay",
    "muon_rate",
    "narrow",
]

ADAM_BETA_1 = 0.9
ADAM_EPSILON = 1e-8
MUON_MOMENTUM = 0.95


@dataclass(frozen=True)
class AdamW:
    """One step of AdamW, in one pass over memory (torch's fused kernel)."""

    rate: float
    weight_decay: float
    beta_2: float
    step: int

    def move(
        self,
        values: Tensor,
        *,
        gradients: Tensor,
        first: Tensor,
        second: Tensor,
        alive: Float[Tensor, ""],
        factor: float = 1.0,
    ) -> None:
        """Update values and moments in place. `factor` multiplies the learning rate but not the
        weight decay, which muP's smaller rates of wide matrices do not change."""
        torch_adamw(
            [values],
            [gradients],
            [first],
            [second],
            [],
            [torch.full((), float(self.step), device=values.device)],
            fused=True,
            found_inf=1 - alive,
            amsgrad=False,
            maximize=False,
            lr=self.rate * factor,
            weight_decay=self.weight_decay / factor,
            beta1=ADAM_BETA_1,
            beta2=self.beta_2,
            eps=ADAM_EPSILON,
        )


def adamw(spec: TrainSpec, *, step: int, factor: float) -> AdamW:
    """AdamW as it moves at this step (counted from 0), with its learning rate multiplied by
    `factor`."""
    return AdamW(factor * spec.learning_rate, spec.weight_decay, beta_2=spec.adam_beta_2, step=step)


def muon_rate(rows: int, columns: int, *, rate: float) -> float:
    """A tall matrix moves further, so that its outputs change as much as a square one's."""
    return rate * math.sqrt(max(1, rows / columns))


def narrow(spec: TrainSpec, *, device: torch.device) -> bool:
    """Whether Muon's products are bfloat16's. On a CPU they would not be faster."""
    return spec.precision == "bf16" and device.type != "cpu"


def kept_by_decay(decay: float, *, alive: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """What weight decay leaves of a value."""
    return torch.where(alive > 0, 1 - decay, 1.0)


@dataclass(frozen=True)
class Optimiser:
    """Moments of all parameters in two vectors: Adam's two, or Muon's momentum in the first;
    `stretches` are what AdamW moves, each by a multiple of its rate."""

    spec: TrainSpec
    flat: FlatParameters
    first: Float[Tensor, " total"]
    second: Float[Tensor, " total"]
    stretches: tuple[tuple[slice, float], ...]
    workers: Workers

    @staticmethod
    def create(
        spec: TrainSpec,
        *,
        flat: FlatParameters,
        rates: dict[str, float] | None = None,
        workers: Workers = ALONE,
    ) -> "Optimiser":
        """`rates` multiplies AdamW's rate of the named parameters."""
        part = flat.rest if spec.optimiser == "muon" else slice(0, flat.total)
        stretches = ((part, 1.0),) if rates is None else flat.stretches(rates, part=part)
        first, second = torch.zeros_like(flat.values), torch.zeros_like(flat.values)
        return Optimiser(spec, flat, first, second, stretches, workers)

    def update(self, *, step: int, factor: float, alive: Float[Tensor, ""]) -> None:
        """Update the values by their gradients. `step` counts from 0; `factor` multiplies the
        learning rates."""
        flat, adam = self.flat, adamw(self.spec, step=step, factor=factor)
        for part, multiple in self.stretches:
            first, second = self.first[part], self.second[part]
            adam.move(
                flat.values[part],
                gradients=flat.gradients[part],
                first=first,
                second=second,
                alive=alive,
                factor=multiple,
            )
        if self.spec.optimiser == "muon":
            self._muon(rate=factor * self.spec.muon_learning_rate, alive=alive)

    def _muon(self, *, rate: float, alive: Float[Tensor, ""]) -> None:
        matrices = slice(0, self.flat.rest.start)
        gradients, momentum = self.flat.gradients[matrices], self.first[matrices]
        momentum.lerp_(gradients, alive * (1 - MUON_MOMENTUM))
        nesterov = gradients.lerp(momentum, MUON_MOMENTUM)
        self.flat.values[matrices].mul_(kept_by_decay(rate * self.spec.weight_decay, alive=alive))
        for stack in self.flat.stacks:
            direction = dealt_out(
                stack.of(nesterov),
                workers=self.workers,
                narrow=narrow(self.spec, device=nesterov.device),
            ).mul_(alive)
            stack.of(self.flat.values).add_(
                direction, alpha=-muon_rate(stack.rows, stack.columns, rate=rate)
            )
