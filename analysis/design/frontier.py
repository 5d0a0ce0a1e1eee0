"""Compute-optimal size and data: from the fitted surface, or without a law from isoFLOP minima.

Minimise E + A N^-alpha + B D^-beta subject to C = k N^u D^v (k, u, v from the table's own FLOP
column, or 6 N D). With r = u/v: log N* = (log(alpha A) - log(r beta B) + beta log(C/k)/v) / (alpha
+ beta r). Exponents: N* ~ C^a, a = beta / (v alpha + u beta). isoFLOP: per budget, a cubic (a
parabola below six sizes) of log loss in log N through the runs within 10 % of the lowest loss. A
minimum counts only if runs bracket it.
Parabolas alone mislead where alpha != beta (Czech et al. 2026, arXiv 2603.22339). A video DiT's
FLOPs are not 6 N D: give the column."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from analysis.data.configurations import Configurations
from analysis.fit.fit import Fit
from analysis.verdict.covariates import LEAST_OWN, own_share

_LEAST_POINTS = 4
_CUBIC_FROM = 6
_WIDEST_BUDGET = 0.2
_FAR_LOG = 300.0
_NEAR = 0.10
"""Runs further above the lowest loss of their budget do not shape its minimum."""

_BY_INTERPOLATION = 0.03
"""The error of the minima's exponent where each optimum lies near the smallest size, without noise
(`experiments/LOG.md`)."""


@dataclass(frozen=True)
class Cost:
    """C = scale N^of_n D^of_d."""

    scale: float = 6.0
    of_n: float = 1.0
    of_d: float = 1.0

    def flops(
        self, n: Float[np.ndarray, " points"], d: Float[np.ndarray, " points"]
    ) -> Float[np.ndarray, " points"]:
        """Training cost."""
        return self.scale * n**self.of_n * d**self.of_d


def cost_of(
    n: Float[np.ndarray, " runs"],
    d: Float[np.ndarray, " runs"],
    flops: Float[np.ndarray, " runs"] | None,
) -> Cost:
    """The power law of the table's FLOP column; 6 N D without one."""
    if flops is None:
        return Cost()
    design = np.column_stack([np.ones(len(n)), np.log(n), np.log(d)])
    found = np.linalg.lstsq(design, np.log(flops), rcond=None)[0]
    return Cost(float(np.exp(found[0])), float(found[1]), float(found[2]))


@dataclass(frozen=True)
class Frontier:
    """N* and D* at each budget with 80 and 95 % bands, the exponent of N*(C), and the loss penalty
    of following the estimate (95th percentile)."""

    budgets: Float[np.ndarray, " budgets"]
    n: Float[np.ndarray, " budgets"]
    d: Float[np.ndarray, " budgets"]
    n_band80: Float[np.ndarray, "2 budgets"]
    n_band95: Float[np.ndarray, "2 budgets"]
    d_band95: Float[np.ndarray, "2 budgets"]
    exponent: float
    exponent_se: float
    exponent_low: float
    exponent_high: float
    penalty: Float[np.ndarray, " budgets"]
    outside: tuple[bool, ...]


def on_one_line(points: Configurations) -> bool:
    """Whether N and D move together, as at D = 20 N. Such runs lie on one line of the plane, and a
    frontier would come from the law's formula alone."""
    plane = replace(points, axes={axis: points.axes[axis] for axis in ("N", "D")})
    return own_share(plane, axis="N") < LEAST_OWN


def frontier(fitted: Fit, *, budgets: Float[np.ndarray, " budgets"], cost: Cost) -> Frontier:
    """The frontier of a fitted law that has a surface, with its bootstrap draws."""
    point = _terms(fitted, fitted.solution.theta[None])
    draws = _terms(fitted, fitted.draws)
    n, d = _optimum(point, budgets, cost)
    n_draws, d_draws = _optimum(draws, budgets, cost)
    exponents = _exponent(draws, cost)
    low, high = np.quantile(exponents, [0.025, 0.975])
    axes = fitted.points.axes
    return Frontier(
        budgets=budgets,
        n=n[0],
        d=d[0],
        n_band80=np.quantile(n_draws, [0.1, 0.9], axis=0),
        n_band95=np.quantile(n_draws, [0.025, 0.975], axis=0),
        d_band95=np.quantile(d_draws, [0.025, 0.975], axis=0),
        exponent=float(_exponent(point, cost)[0]),
        exponent_se=float(exponents.std(ddof=1)) if len(exponents) > 1 else float("nan"),
        exponent_low=float(low),
        exponent_high=float(high),
        penalty=np.quantile(_loss(draws, n, d) / _loss(draws, n_draws, d_draws) - 1, 0.95, axis=0),
        outside=tuple(
            bool(a < axes["N"].min() or a > axes["N"].max() or b > axes["D"].max())
            for a, b in zip(n[0], d[0], strict=True)
        ),
    )


def _terms(fitted: Fit, theta: np.ndarray) -> dict[str, np.ndarray]:
    """E, A, alpha, B and beta of each row, whatever the law calls them."""
    surface, found = fitted.law.surface, fitted.built.external(theta)
    assert surface is not None, f"law {fitted.law.name} has no surface"
    return {
        "E": found["E"] if fitted.law.has_floor else np.zeros(len(theta)),
        "A": found[surface.amplitude_n],
        "alpha": found[surface.exponent_n],
        "B": found[surface.amplitude_d],
        "beta": found[surface.exponent_d],
    }


def _optimum(
    p: dict[str, np.ndarray], budgets: np.ndarray, cost: Cost
) -> tuple[np.ndarray, np.ndarray]:
    ratio = cost.of_n / cost.of_d
    room = np.log(budgets / cost.scale)[None] / cost.of_d
    alpha, beta = (np.maximum(p[name], 1e-9)[:, None] for name in ("alpha", "beta"))
    log_n = (
        np.log(alpha)
        + _log(p["A"])[:, None]
        - np.log(ratio * beta)
        - _log(p["B"])[:, None]
        + beta * room
    ) / (alpha + beta * ratio)
    log_d = room - ratio * log_n
    # A draw without an optimum (a zero amplitude or exponent) diverges: clip it at the largest
    # numbers, so that no warning follows.
    return np.exp(np.clip(log_n, -_FAR_LOG, _FAR_LOG)), np.exp(np.clip(log_d, -_FAR_LOG, _FAR_LOG))


def _log(amplitude: np.ndarray) -> np.ndarray:
    return np.log(np.clip(amplitude, np.exp(-_FAR_LOG), np.exp(_FAR_LOG)))


def _exponent(p: dict[str, np.ndarray], cost: Cost) -> np.ndarray:
    return p["beta"] / np.maximum(cost.of_d * p["alpha"] + cost.of_n * p["beta"], 1e-12)


def _loss(p: dict[str, np.ndarray], n: np.ndarray, d: np.ndarray) -> np.ndarray:
    of_n = np.minimum(_log(p["A"])[:, None] - p["alpha"][:, None] * np.log(n), _FAR_LOG)
    of_d = np.minimum(_log(p["B"])[:, None] - p["beta"][:, None] * np.log(d), _FAR_LOG)
    return p["E"][:, None] + np.exp(of_n) + np.exp(of_d)


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
