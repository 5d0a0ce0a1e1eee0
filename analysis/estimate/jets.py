"""Second-order jets: a number with its gradient and Hessian in the parameters. A law is then
written once, as its formula.

A formula takes parameters and columns and returns mu. Arrays give values; jets give the exact first
and second derivatives that damped Newton (newton.py) needs. Rules: forward mode, product and chain
rule (Griewank and Walther 2008)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from analysis.estimate.affine import LossDerivatives, Newton

Number = Any
"""A `Jet`, an array or a float. With a union, mypy would spend minutes on every combination of
types in a formula."""

Formula = Callable[[Sequence[Number], Mapping[str, np.ndarray]], Number]


@dataclass(frozen=True)
class Jet:
    """value [batch, points], gradient [batch, parameters, points], hessian [batch, parameters,
    parameters, points]."""

    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray

    __array_ufunc__ = None  # numpy leaves array + Jet to the Jet

    def __add__(self, other: Number) -> "Jet":
        if isinstance(other, Jet):
            return Jet(
                self.value + other.value,
                self.gradient + other.gradient,
                self.hessian + other.hessian,
            )
        return Jet(self.value + other, self.gradient, self.hessian)

    def __mul__(self, other: Number) -> "Jet":
        if isinstance(other, Jet):
            cross = self.gradient[:, :, None] * other.gradient[:, None]
            return Jet(
                self.value * other.value,
                self.gradient * other.value[:, None] + other.gradient * self.value[:, None],
                self.hessian * other.value[:, None, None]
                + other.hessian * self.value[:, None, None]
                + cross
                + cross.swapaxes(1, 2),
            )
        return Jet(self.value * other, self.gradient * other, self.hessian * other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Jet":
        return self * -1.0

    def __sub__(self, other: Number) -> "Jet":
        return self + (-1.0) * other

    def __rsub__(self, other: Number) -> "Jet":
        return (-self) + other

    def through(self, value: np.ndarray, first: np.ndarray, second: np.ndarray) -> "Jet":
        """f(self), from f, f' and f'' at the value of the jet."""
        outer = self.gradient[:, :, None] * self.gradient[:, None]
        return Jet(
            value,
            self.gradient * first[:, None],
            self.hessian * first[:, None, None] + outer * second[:, None, None],
        )


def exp(number: Number) -> Number:
    """e to the number."""
    if not isinstance(number, Jet):
        return np.exp(number)
    value = np.exp(number.value)
    return number.through(value, value, value)


def log(number: Number) -> Number:
    """Natural logarithm."""
    if not isinstance(number, Jet):
        return np.log(number)
    return number.through(np.log(number.value), 1 / number.value, -1 / number.value**2)


def softplus(number: Number) -> Number:
    """log(1 + e^number) without overflow."""
    if not isinstance(number, Jet):
        return np.logaddexp(0.0, number)
    share = 0.5 * (1 + np.tanh(0.5 * number.value))
    return number.through(np.logaddexp(0.0, number.value), share, share * (1 - share))


def logaddexp(one: Number, other: Number) -> Number:
    """log(e^one + e^other); one may be minus infinity (a removed floor)."""
    if not isinstance(one, Jet) or not isinstance(other, Jet):
        return np.logaddexp(one, other)
    with np.errstate(invalid="ignore"):
        share = 0.5 * (1 + np.tanh(0.5 * (one.value - other.value)))
    value = np.logaddexp(one.value, other.value)
    gap = one.gradient - other.gradient
    outer = gap[:, :, None] * gap[:, None]
    keep, rest = share[:, None], 1 - share[:, None]
    bend = (share * (1 - share))[:, None, None]
    return Jet(
        value,
        one.gradient * keep + other.gradient * rest,
        one.hessian * keep[:, None] + other.hessian * rest[:, None] + outer * bend,
    )


class JetModel:
    """The model of one table, given by a formula."""

    def __init__(
        self, formula: Formula, columns: Mapping[str, np.ndarray], *, parameters: int
    ) -> None:
        self.parameters = parameters
        self.points = len(next(iter(columns.values())))
        self._formula, self._columns = formula, columns

    def mu(self, theta: Float[np.ndarray, "batch parameters"]) -> Float[np.ndarray, "batch points"]:
        """Log prediction of each point."""
        found = self._formula([theta[:, p, None] for p in range(self.parameters)], self._columns)
        return np.broadcast_to(np.asarray(found), (len(theta), self.points))

    def jacobian(
        self, theta: Float[np.ndarray, "batch parameters"]
    ) -> Float[np.ndarray, "batch parameters points"]:
        """d mu / d theta."""
        return self._jet(theta).gradient

    def newton(
        self, theta: Float[np.ndarray, "batch parameters"], *, derivatives: LossDerivatives
    ) -> Newton:
        """Derivatives of the summed loss. `derivatives` gives those of each point's loss in mu,
        already weighted."""
        jet = self._jet(theta)
        known = derivatives(jet.value)
        turned = jet.gradient.swapaxes(1, 2)
        return Newton(
            gradient=np.matmul(jet.gradient, known.slope[:, :, None])[:, :, 0],
            hessian=(jet.gradient * known.bend[:, None]) @ turned
            + np.einsum("bpqn,bn->bpq", jet.hessian, known.slope),
            damping=(jet.gradient * known.majoriser[:, None]) @ turned,
        )

    def _jet(self, theta: np.ndarray) -> Jet:
        rows, size = theta.shape
        none = np.zeros((rows, size, size, self.points))
        ones = []
        for p in range(size):
            gradient = np.zeros((rows, size, self.points))
            gradient[:, p] = 1.0
            ones.append(Jet(np.repeat(theta[:, p, None], self.points, axis=1), gradient, none))
        found = self._formula(ones, self._columns)
        assert isinstance(found, Jet)
        return found
