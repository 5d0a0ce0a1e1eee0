"""AdamW on one vector, and Muon on stacks of matrices. Muon replaces each momentum matrix by the
nearest orthogonal one.

Muon: K. Jordan et al. 2024 (kellerjordan.github.io/posts/muon). AdamW: arXiv 1711.05101. Everything
stays in float32; both are plain functions of values, gradients and moments, so workers that average
their gradients first make equal steps.

`alive` is a number on the device, 1 or 0 (`train/guard.py`); with 0, and gradients of 0, an update
changes nothing, and the host need not know."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.adamw import adamw as torch_adamw

from physscale.train.flat import FlatParameters
from physscale.train.spec import TrainSpec

__all__ = [
    "MUON_MOMENTUM",
    "AdamW",
    "Optimiser",
    "adamw",
    "kept_by_decay",
    "muon_rate",
    "orthogonalise",
]

ADAM_BETA_1 = 0.9
ADAM_EPSILON = 1e-8
MUON_MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_ROUNDS = 4


def orthogonalise(
    stack: Float[Tensor, "count rows columns"],
) -> Float[Tensor, "count rows columns"]:
    """Each matrix U S V^T of the stack becomes approximately U V^T: its singular values move close
    to 1.

    Newton-Schulz X <- a X + b (X X^T) X + c (X X^T)^2 X on the smaller Gram matrix A = X X^T. All
    factors are polynomials of A, so wide matrices iterate on A alone and are multiplied once at the
    end."""
    a, b, c = NEWTON_SCHULZ
    count, rows, columns = stack.shape
    x = stack.mT if rows > columns else stack
    x = x / (x.flatten(1).norm(dim=1).view(count, 1, 1) + 1e-7)
    gram = torch.bmm(x, x.mT)
    product = None
    for turn in range(NEWTON_SCHULZ_ROUNDS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor if product is None else torch.bmm(factor, product)
        if turn + 1 < NEWTON_SCHULZ_ROUNDS:
            gram = torch.bmm(torch.bmm(factor, gram), factor)
    assert product is not None
    x = torch.bmm(product, x)
    return x.mT if rows > columns else x


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

    @staticmethod
    def create(
        spec: TrainSpec, *, flat: FlatParameters, rates: dict[str, float] | None = None
    ) -> "Optimiser":
        """`rates` multiplies AdamW's rate of the named parameters."""
        part = flat.rest if spec.optimiser == "muon" else slice(0, flat.total)
        stretches = ((part, 1.0),) if rates is None else flat.stretches(rates, part=part)
        return Optimiser(
            spec, flat, torch.zeros_like(flat.values), torch.zeros_like(flat.values), stretches
        )

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
            direction = orthogonalise(stack.of(nesterov)).mul_(alive)
            stack.of(self.flat.values).add_(
                direction, alpha=-muon_rate(stack.rows, stack.columns, rate=rate)
            )
