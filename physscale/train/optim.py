"""AdamW on one vector, and Muon on stacks of matrices: momentum, then the nearest orthogonal matrix instead of the gradient's size.

Muon: K. Jordan et al. 2024 (kellerjordan.github.io/posts/muon). AdamW: arXiv 1711.05101. Everything stays in float32; both are plain
functions of values, gradients and moments, so workers that average their gradients first make equal steps.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.train.flat import FlatParameters
from physscale.train.spec import TrainSpec

__all__ = ["MUON_MOMENTUM", "AdamW", "Optimiser", "adamw", "muon_rate", "orthogonalise"]

ADAM_BETA_1 = 0.9
ADAM_EPSILON = 1e-8
MUON_MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_ROUNDS = 4
PIECE = {"cpu": 1 << 15, "cuda": 1 << 24}
"""Numbers of each vector that AdamW moves at once: what a core's own cache holds, or what keeps a GPU busy."""


def orthogonalise(stack: Float[Tensor, "count rows columns"]) -> Float[Tensor, "count rows columns"]:
    """Each matrix U S V^T of the stack becomes about U V^T: its singular values are driven to the neighbourhood of 1.

    Newton-Schulz X <- a X + b (X X^T) X + c (X X^T)^2 X on the smaller Gram matrix A = X X^T. All factors are polynomials of A, so
    wide matrices iterate on A alone and are multiplied once at the end.
    """
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
    """One step of AdamW. `decay` shrinks the values by its own rate, so that muP's smaller rates of wide matrices do not touch it."""

    rate: float
    decay: float
    beta_2: float
    step: int

    def move(self, values: Tensor, *, gradients: Tensor, first: Tensor, second: Tensor, rates: Tensor | float | None = None) -> None:
        """Values and moments, in place; `rates` multiplies the rate."""
        beta_1 = ADAM_BETA_1
        first.lerp_(gradients, 1 - beta_1)
        second.mul_(self.beta_2).addcmul_(gradients, gradients, value=1 - self.beta_2)
        size = second.sqrt().div_(math.sqrt(1 - self.beta_2 ** (self.step + 1))).add_(ADAM_EPSILON)
        values.mul_(1 - self.decay)
        values.addcdiv_(first if rates is None else first * rates, size, value=-self.rate / (1 - beta_1 ** (self.step + 1)))


def adamw(spec: TrainSpec, *, step: int, factor: float) -> AdamW:
    """AdamW as it moves at this step (counted from 0), with its learning rate multiplied by `factor`."""
    rate = factor * spec.learning_rate
    return AdamW(rate, rate * spec.weight_decay, beta_2=spec.adam_beta_2, step=step)


def muon_rate(rows: int, columns: int, *, rate: float) -> float:
    """A tall matrix moves further, so that its outputs change as much as a square one's."""
    return rate * math.sqrt(max(1, rows / columns))


@dataclass(frozen=True)
class Optimiser:
    """Moments of all parameters in two vectors: Adam's two, or Muon's momentum in the first; `rates` [total] multiplies AdamW's rate."""

    spec: TrainSpec
    flat: FlatParameters
    first: Float[Tensor, " total"]
    second: Float[Tensor, " total"]
    rates: Float[Tensor, " total"] | None = None

    @staticmethod
    def create(spec: TrainSpec, *, flat: FlatParameters, rates: Tensor | None = None) -> "Optimiser":
        return Optimiser(spec, flat, torch.zeros_like(flat.values), torch.zeros_like(flat.values), rates)

    def update(self, *, step: int, factor: float) -> None:
        """Change the values by their gradients; `step` counts from 0, `factor` multiplies the learning rates."""
        muon = self.spec.optimiser == "muon"
        self._adamw(self.flat.rest if muon else slice(None), adamw(self.spec, step=step, factor=factor))
        if muon:
            self._muon(rate=factor * self.spec.muon_learning_rate)

    def _adamw(self, part: slice, adam: AdamW) -> None:
        """In pieces, so that nothing as long as the vectors comes and goes."""
        begin, end, _ = part.indices(self.flat.total)
        length = PIECE[self.flat.values.device.type]
        for start in range(begin, end, length):
            piece = slice(start, min(start + length, end))
            rates = None if self.rates is None else self.rates[piece]
            first, second = self.first[piece], self.second[piece]
            adam.move(self.flat.values[piece], gradients=self.flat.gradients[piece], first=first, second=second, rates=rates)

    def _muon(self, *, rate: float) -> None:
        matrices = slice(0, self.flat.rest.start)
        gradients, momentum = self.flat.gradients[matrices], self.first[matrices]
        momentum.lerp_(gradients, 1 - MUON_MOMENTUM)
        nesterov = gradients.lerp(momentum, MUON_MOMENTUM)
        self.flat.values[matrices].mul_(1 - rate * self.spec.weight_decay)
        for stack in self.flat.stacks:
            direction = orthogonalise(stack.of(nesterov))
            stack.of(self.flat.values).add_(direction, alpha=-muon_rate(stack.rows, stack.columns, rate=rate))
