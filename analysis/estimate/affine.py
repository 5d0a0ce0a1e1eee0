"""Sums of powers on the log scale: mu = log(sum_k exp(t_k)) with every t_k linear in the
parameters.

E + A N^-alpha + B D^-beta is t = (e, a - alpha log N, b - beta log D). With p = softmax(t) and z_k
= dt_k/dtheta: gradient u = sum_k p_k z_k and Hessian = sum_k p_k z_k z_k' - u u'. Newton's matrix
is therefore exact and costs two products."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.estimate.loss import Derivatives

LossDerivatives = Callable[[np.ndarray], Derivatives]
"""Maps mu [batch, points] to the loss of each point and its derivatives, multiplied by the points'
weights."""


@dataclass(frozen=True)
class Newton:
    """Gradient, exact Hessian and damping matrix of a summed loss, one per row."""

    gradient: Float[np.ndarray, "batch parameters"]
    hessian: Float[np.ndarray, "batch parameters parameters"]
    damping: Float[np.ndarray, "batch parameters parameters"]


class LogSumExp:
    """The model of one table: `terms[k][p]` is the column that multiplies parameter p inside term k
    (a scalar or one value per point)."""

    def __init__(
        self, terms: Sequence[dict[int, Float[np.ndarray, " points"]]], *, parameters: int
    ) -> None:
        self.parameters = parameters
        self.points = len(next(iter(terms[0].values())))
        self._terms = [dict(term) for term in terms]
        self._pairs = [_products(term) for term in self._terms]

    def mu(self, theta: Float[np.ndarray, "batch parameters"]) -> Float[np.ndarray, "batch points"]:
        """Log prediction of each point."""
        terms = self._values(theta)
        top = terms.max(axis=0)
        return top + np.log(np.exp(terms - top).sum(axis=0))

    def jacobian(
        self, theta: Float[np.ndarray, "batch parameters"]
    ) -> Float[np.ndarray, "batch parameters points"]:
        """d mu / d theta."""
        return self._gradient(self._shares(self._values(theta))[1])

    def _values(
        self, theta: Float[np.ndarray, "batch parameters"]
    ) -> Float[np.ndarray, "terms batch points"]:
        values = np.empty((len(self._terms), len(theta), self.points))
        for row, term in zip(values, self._terms, strict=True):
            np.matmul(theta[:, list(term)], np.stack(list(term.values())), out=row) if len(
                term
            ) > 1 else _outer(row, theta, term)
        return values

    def _shares(
        self, terms: Float[np.ndarray, "terms batch points"]
    ) -> tuple[Float[np.ndarray, "batch points"], Float[np.ndarray, "terms batch points"]]:
        top = terms.max(axis=0)
        shares = np.exp(terms - top)
        total = shares.sum(axis=0)
        shares /= total
        return top + np.log(total), shares

    def _gradient(
        self, shares: Float[np.ndarray, "terms batch points"]
    ) -> Float[np.ndarray, "batch parameters points"]:
        gradient = np.empty((shares.shape[1], self.parameters, self.points))
        begun: set[int] = set()
        for share, term in zip(shares, self._terms, strict=True):
            for parameter, column in term.items():
                if parameter in begun:
                    gradient[:, parameter] += share * column
                else:
                    np.multiply(share, column, out=gradient[:, parameter])
                    begun.add(parameter)
        return gradient

    def newton(
        self, theta: Float[np.ndarray, "batch parameters"], *, derivatives: LossDerivatives
    ) -> Newton:
        """Derivatives of the summed loss. `derivatives` gives those of each point's loss in mu,
        already weighted."""
        mu, shares = self._shares(self._values(theta))
        known = derivatives(mu)
        gradient = self._gradient(shares)
        turned = gradient.transpose(0, 2, 1)
        hessian = (gradient * (known.bend - known.slope)[:, None]) @ turned
        for share, pairs in zip(shares, self._pairs, strict=True):
            sums = (share * known.slope) @ pairs.products
            hessian[:, pairs.first, pairs.second] += sums
        return Newton(
            gradient=np.matmul(gradient, known.slope[:, :, None])[:, :, 0],
            hessian=hessian,
            damping=(gradient * known.majoriser[:, None]) @ turned,
        )


@dataclass(frozen=True)
class _Pairs:
    first: np.ndarray
    second: np.ndarray
    products: np.ndarray


def _products(term: dict[int, Float[np.ndarray, " points"]]) -> _Pairs:
    keys = [(p, q) for p in term for q in term]
    products = np.stack([term[p] * term[q] for p, q in keys], axis=1)
    return _Pairs(np.array([p for p, _ in keys]), np.array([q for _, q in keys]), products)


def _outer(row: np.ndarray, theta: np.ndarray, term: dict[int, np.ndarray]) -> None:
    ((parameter, column),) = term.items()
    np.multiply(theta[:, parameter, None], column, out=row)
