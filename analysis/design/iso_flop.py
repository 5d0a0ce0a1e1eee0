"""Minima of equal compute: the best size at each budget, without a law of the loss.

Per budget, a cubic (a parabola below six sizes) of log loss in log N through the runs within 10 %
of the lowest loss. A minimum counts only if runs bracket it. Parabolas alone mislead where alpha !=
beta (Czech et al. 2026, arXiv 2603.22339)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from analysis.design.frontier import Frontier

_LEAST_POINTS = 4
_CUBIC_FROM = 6
_WIDEST_BUDGET = 0.2
_NEAR = 0.10
"""Runs further above the lowest loss of their budget do not shape its minimum."""

_BY_INTERPOLATION = 0.03
"""The error of the minima's exponent where each optimum lies near the smallest size, without noise
(`experiments/LOG.md`)."""


@dataclass(frozen=True)
class IsoFlop:
    """One budget: its number of points, the minimum and its loss. Where no points bracket a
    minimum: None and the reason."""

    budget: float
    points: int
    n: float | None
    loss: float | None
    reason: str


def iso_flops(
    n: Float[np.ndarray, " runs"],
    loss: Float[np.ndarray, " runs"],
    flops: Float[np.ndarray, " runs"],
) -> list[IsoFlop]:
    """The minimum of each budget. Budgets are clusters of C, cut at their largest gaps until none
    is wider than 0.2 decades. A minimum needs four sizes."""
    return [
        _minimum(n[group], loss[group], float(np.exp(np.log(flops[group]).mean())))
        for group in budget_groups(flops)
    ]


@dataclass(frozen=True)
class IsoFlopExponent:
    """The exponent of N*(C) through the minima of so many budgets, with a 95 % interval."""

    value: float
    low: float
    high: float
    budgets: int

    def agrees_with(self, surface: Frontier) -> bool:
        """Whether the difference from the surface's exponent is within its 95 % interval, as if
        the two were independent, or within what interpolation alone can do to the minima."""
        apart = self.value - surface.exponent
        ours, theirs = (
            (self.value - self.low, surface.exponent_high - surface.exponent)
            if apart > 0
            else (self.high - self.value, surface.exponent - surface.exponent_low)
        )
        return abs(apart) <= max(float(np.hypot(ours, theirs)), _BY_INTERPOLATION)


def iso_flop_exponent(minima: Sequence[IsoFlop]) -> IsoFlopExponent | None:
    """Least squares of log N* on log C; None below three budgets with a minimum. No law of the loss
    is assumed."""
    from scipy.stats import t as student

    found = [(row.budget, row.n) for row in minima if row.n is not None]
    freedom = len(found) - 2
    if freedom < 1:
        return None
    c, n = np.log(np.array(found)).T
    c, n = c - c.mean(), n - n.mean()
    slope = float(c @ n / (c @ c))
    spread = float(np.sum((n - slope * c) ** 2)) / freedom
    half = float(student.ppf(0.975, freedom)) * float(np.sqrt(spread / (c @ c)))
    return IsoFlopExponent(slope, slope - half, slope + half, len(found))


def budget_groups(flops: Float[np.ndarray, " runs"]) -> list[Int[np.ndarray, " members"]]:
    """The runs of each budget that has at least four."""
    return [
        group
        for group in _budgets(np.argsort(flops), np.log10(flops))
        if len(group) >= _LEAST_POINTS
    ]


def _budgets(order: np.ndarray, logs: np.ndarray) -> list[np.ndarray]:
    if len(order) < 2 or logs[order[-1]] - logs[order[0]] <= _WIDEST_BUDGET:
        return [order]
    cut = int(np.argmax(np.diff(logs[order]))) + 1
    return _budgets(order[:cut], logs) + _budgets(order[cut:], logs)


def _minimum(n: np.ndarray, loss: np.ndarray, budget: float) -> IsoFlop:
    if len(np.unique(n)) < _LEAST_POINTS:
        return IsoFlop(budget, len(n), None, None, "fewer than four sizes")
    x, y = np.log(n) - np.log(n).mean(), np.log(loss)
    lowest = x[y.argmin()]
    if lowest in (x.min(), x.max()):
        return IsoFlop(budget, len(n), None, None, "minimum not bracketed")
    near = _near(x, y)
    x, y = x[near], y[near]
    curve = np.polynomial.Polynomial.fit(x, y, 3 if len(np.unique(x)) >= _CUBIC_FROM else 2)
    roots = [
        float(root.real)
        for root in curve.deriv().roots()
        if abs(root.imag) < 1e-9 and curve.deriv(2)(root.real) > 0
    ]
    inside = [root for root in roots if x.min() < root < x.max()]
    if not inside:
        return IsoFlop(budget, len(n), None, None, "minimum not bracketed")
    at = min(inside, key=curve)
    return IsoFlop(
        budget, len(n), float(np.exp(at + np.log(n).mean())), float(np.exp(curve(at))), ""
    )


def _near(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bool[runs]: the runs whose loss is within `_NEAR` of the lowest, at least of four sizes. A
    cubic bends to its far ends, which moves the minimum of a valley with uneven sides."""
    least = np.sort([y[x == size].min() for size in np.unique(x)])[_LEAST_POINTS - 1]
    chosen: np.ndarray = y <= max(y.min() + np.log1p(_NEAR), least)
    return chosen
