"""The exponent of N*(C): from minima of equal compute, and from whichever estimate survives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from analysis.design.frontier import Cost, Frontier, frontier
from analysis.design.iso_flop import IsoFlop, iso_flops
from analysis.fit.fit import Fit

_BY_INTERPOLATION = 0.03
"""The error of the minima's exponent where each optimum lies near the smallest size, without noise
(`experiments/LOG.md`)."""

_LEAST_BUDGETS = 3
_ROUNDS = 50

Source = Literal["the isoFLOP minima", "the law's surface", "minima and surface, half and half"]


@dataclass(frozen=True)
class IsoFlopExponent:
    """The exponent of N*(C) through the minima of so many budgets, with a 95 % interval, and the
    line itself: log N* = centre_n + value (log C - centre_c)."""

    value: float
    low: float
    high: float
    budgets: int
    bounds: int
    """Budgets whose losses fall to one end, and that hold the line to that side."""
    centre_n: float
    centre_c: float
    level_se: float
    slope_se: float
    quantile: float
    """Of Student's t at 97.5 %."""

    def log_optimum(
        self, budgets: Float[np.ndarray, " budgets"]
    ) -> tuple[Float[np.ndarray, " budgets"], Float[np.ndarray, " budgets"]]:
        """log N* and its standard error at each budget."""
        away = np.log(budgets) - self.centre_c
        return self.centre_n + self.value * away, np.hypot(self.level_se, self.slope_se * away)

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
    """Least squares of log N* on log C; None below three budgets with a minimum.

    No law of the loss is assumed. A budget whose losses fall to one end only bounds N*: it counts,
    with its end size, where the line would pass on the wrong side. The interval holds the scatter
    of the minima and half of the difference between the two curves that find them."""
    from scipy.stats import t as student

    found = [row for row in minima if row.n is not None]
    if len(found) < _LEAST_BUDGETS:
        return None
    c = np.log([row.budget for row in found])
    n = np.log([row.n for row in found if row.n is not None])
    c, n, bounds = _with_bounds(c, n, [row for row in minima if row.bound is not None])
    slope, level_se, slope_se = _line(c, n)
    freedom = len(c) - 2
    slope_se = float(np.hypot(slope_se, _between_curves(found)))
    quantile = float(student.ppf(0.975, freedom))
    return IsoFlopExponent(
        value=slope,
        low=slope - quantile * slope_se,
        high=slope + quantile * slope_se,
        budgets=len(found),
        bounds=bounds,
        centre_n=float(n.mean()),
        centre_c=float(c.mean()),
        level_se=level_se,
        slope_se=slope_se,
        quantile=quantile,
    )


def _line(c: np.ndarray, n: np.ndarray) -> tuple[float, float, float]:
    """Slope, standard error of the level at the mean of c, standard error of the slope."""
    c, n = c - c.mean(), n - n.mean()
    slope = float(c @ n / (c @ c))
    spread = float(np.sum((n - slope * c) ** 2)) / (len(c) - 2)
    return slope, float(np.sqrt(spread / len(c))), float(np.sqrt(spread / (c @ c)))


def _with_bounds(
    c: np.ndarray, n: np.ndarray, one_sided: Sequence[IsoFlop]
) -> tuple[np.ndarray, np.ndarray, int]:
    """The points of least squares when one-sided budgets may pull the line to their side only."""
    active: set[int] = set()
    at = np.log([row.budget for row in one_sided])
    limit = np.log([row.bound for row in one_sided if row.bound is not None])
    for _ in range(_ROUNDS):
        chosen = sorted(active)
        all_c, all_n = np.append(c, at[chosen]), np.append(n, limit[chosen])
        slope = _line(all_c, all_n)[0]
        line = all_n.mean() + slope * (at - all_c.mean())
        wrong = {
            place
            for place, row in enumerate(one_sided)
            if (line[place] > limit[place]) == (row.end == "smallest")
            and line[place] != limit[place]
        }
        if wrong == active:
            break
        active = wrong
    return all_c, all_n, len(active)


def _between_curves(found: Sequence[IsoFlop]) -> float:
    """Half of the difference between the slopes through the cubics' and the splines' minima."""
    both = [row for row in found if len(row.by) > 1]
    if len(both) < _LEAST_BUDGETS:
        return 0.0
    c = np.log([row.budget for row in both])
    one, other = (
        _line(c, np.log([row.by[curve] for row in both]))[0] for curve in ("cubic", "spline")
    )
    return abs(one - other) / 2


@dataclass(frozen=True)
class Optimum:
    """The estimate that survives: the exponent of N*(C), and N* and D* at each budget, with 95 %
    intervals."""

    source: Source
    exponent: float
    exponent_low: float
    exponent_high: float
    budgets: Float[np.ndarray, " budgets"]
    n: Float[np.ndarray, " budgets"]
    n_band95: Float[np.ndarray, "2 budgets"]
    d: Float[np.ndarray, " budgets"]

    @property
    def by_law(self) -> bool:
        """Whether the fitted law has a part in it, so that its losses mean something."""
        return self.source != "the isoFLOP minima"


def surviving(surface: Frontier, minima: IsoFlopExponent | None, *, cost: Cost) -> Optimum:
    """Which estimate to report.

    - No minima: the surface.
    - The minima contradict the surface, or are at least as precise: the minima alone.
    - Otherwise both, half and half. The variance of the mixture holds their difference. The weights
      are not those of precision, since a wrong law is precise too."""
    if minima is None:
        return Optimum(
            "the law's surface",
            surface.exponent,
            surface.exponent_low,
            surface.exponent_high,
            surface.budgets,
            surface.n,
            surface.n_band95,
            surface.d,
        )
    ours = np.array([minima.value]), np.array([minima.slope_se])
    sizes = minima.log_optimum(surface.budgets)
    source: Source = "the isoFLOP minima"
    tighter = minima.high - minima.low <= surface.exponent_high - surface.exponent_low
    if minima.agrees_with(surface) and not tighter:
        source = "minima and surface, half and half"
        ours = _mixed(ours, (np.array([surface.exponent]), np.array([surface.exponent_se])))
        width = np.log(surface.n_band95[1] / surface.n_band95[0]) / (2 * 1.96)
        sizes = _mixed(sizes, (np.log(surface.n), width))
    (exponent,), (se,) = ours
    log_n, log_se = sizes
    half = minima.quantile * log_se
    room = np.log(surface.budgets / cost.scale)
    return Optimum(
        source,
        float(exponent),
        float(exponent - minima.quantile * se),
        float(exponent + minima.quantile * se),
        surface.budgets,
        np.exp(log_n),
        np.exp(np.stack([log_n - half, log_n + half])),
        np.exp((room - cost.of_n * log_n) / cost.of_d),
    )


@dataclass(frozen=True)
class Estimates:
    """What the fitted surface says, what the minima say, and what survives."""

    surface: Frontier
    minima: list[IsoFlop]
    exponent: IsoFlopExponent | None
    optimum: Optimum
    outside: tuple[bool, ...]
    """Of each budget: whether its optimum lies outside the table's N or above its D."""

    @property
    def contradiction(self) -> str | None:
        """A sentence where the minima and the surface cannot both be right."""
        surface, exponent = self.surface, self.exponent
        if exponent is None or exponent.agrees_with(surface):
            return None
        return (
            f"the surface's exponent {surface.exponent:.3f} "
            f"[{surface.exponent_low:.3f}, {surface.exponent_high:.3f}] and that of the isoFLOP "
            f"minima {exponent.value:.3f} [{exponent.low:.3f}, {exponent.high:.3f}] contradict "
            "each other: the law misses these runs; the minima assume no law and stand"
        )


def estimates(
    fitted: Fit,
    *,
    n: Float[np.ndarray, " runs"],
    loss: Float[np.ndarray, " runs"],
    flops: Float[np.ndarray, " runs"],
    budgets: Float[np.ndarray, " budgets"],
    cost: Cost,
) -> Estimates:
    """All estimates of the compute-optimal frontier from the runs and the law fitted to them."""
    surface = frontier(fitted, budgets=budgets, cost=cost)
    minima = iso_flops(n, loss, flops)
    exponent = iso_flop_exponent(minima)
    best, axes = surviving(surface, exponent, cost=cost), fitted.points.axes
    outside = tuple(
        bool(a < axes["N"].min() or a > axes["N"].max() or b > axes["D"].max())
        for a, b in zip(best.n, best.d, strict=True)
    )
    return Estimates(surface, minima, exponent, best, outside)


def _mixed(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of an equal mixture of two estimates."""
    apart = one[0] - other[0]
    return (one[0] + other[0]) / 2, np.sqrt((one[1] ** 2 + other[1] ** 2) / 2 + (apart / 2) ** 2)
