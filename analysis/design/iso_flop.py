"""Minima of equal compute: the best size at each budget, without a law of the loss.

Two curves go through log loss over log N of each budget: a cubic (a parabola below six sizes) in
which runs count less the further they are above the lowest loss, and an Akima spline through all
sizes, as in Porian et al. 2024 (arXiv 2406.19146). The minimum is the mean of both in log N.
Parabolas alone mislead where alpha != beta (Czech et al. 2026, arXiv 2603.22339)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

_LEAST_POINTS = 4
_CUBIC_FROM = 6
_WIDEST_BUDGET = 0.2
_NEAR = 0.15
"""Runs this far above the lowest loss of their budget no longer shape its minimum. A cubic bends to
its far ends, which moves the minimum of a valley with uneven sides."""

_STEPS = 32
"""Places between two sizes at which the spline is read."""

_ONE_SIZE_LOG = 0.1
"""Sizes nearer than this are one: the curves would turn on the noise between them."""

Curve = Literal["cubic", "spline"]
CURVES: tuple[Curve, ...] = ("cubic", "spline")
End = Literal["smallest", "largest"]


@dataclass(frozen=True)
class IsoFlop:
    """One budget: its number of runs, the minimum by each curve, their mean, and the loss there.
    Without a minimum: the reason, and the size that bounds it where losses fall to one end."""

    budget: float
    points: int
    n: float | None
    loss: float | None
    reason: str
    by: dict[Curve, float]
    end: End | None = None
    bound: float | None = None


def iso_flops(
    n: Float[np.ndarray, " runs"],
    loss: Float[np.ndarray, " runs"],
    flops: Float[np.ndarray, " runs"],
) -> list[IsoFlop]:
    """The minimum of each budget. Budgets are clusters of C, cut at their largest gaps until none
    is wider than 0.2 decades. A minimum needs four sizes; seeds of a size are averaged."""
    return [
        _minimum(n[group], loss[group], float(np.exp(np.log(flops[group]).mean())))
        for group in budget_groups(flops)
    ]


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
    x, y = _sizes(np.log(n), np.log(loss))
    if len(x) < _LEAST_POINTS:
        return IsoFlop(budget, len(n), None, None, "fewer than four sizes", {})
    least = int(y.argmin())
    if least in (0, len(x) - 1):
        end: End = "largest" if least else "smallest"
        bound = float(np.exp(x[least]))
        return IsoFlop(budget, len(n), None, None, f"lowest at the {end} size", {}, end, bound)
    found = {"cubic": _by_cubic(x, y), "spline": _by_spline(x, y)}
    by: dict[Curve, tuple[float, float]] = {
        curve: at for curve in CURVES if (at := found[curve]) is not None
    }
    if not by:
        return IsoFlop(budget, len(n), None, None, "no valley through its sizes", {})
    at, height = np.mean(list(by.values()), axis=0)
    return IsoFlop(
        budget,
        len(n),
        float(np.exp(at)),
        float(np.exp(height)),
        "",
        {curve: float(np.exp(place)) for curve, (place, _) in by.items()},
    )


def _by_cubic(x: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    excess = y - y.min()
    reach = max(float(np.log1p(_NEAR)), 1.01 * float(np.sort(excess)[_LEAST_POINTS - 1]))
    near = excess < reach
    degree = 3 if np.count_nonzero(near) >= _CUBIC_FROM else 2
    middle = float(x[near].mean())
    weights = 1 - excess[near] / reach
    curve = np.polynomial.Polynomial.fit(x[near] - middle, y[near], degree, w=weights)
    roots = [float(root.real) for root in curve.deriv().roots() if abs(root.imag) < 1e-9]
    inside = [
        at for at in roots if curve.deriv(2)(at) > 0 and x[near].min() < at + middle < x[near].max()
    ]
    if not inside:
        return None
    at = min(inside, key=curve)
    return at + middle, float(curve(at))


def _sizes(log_n: np.ndarray, log_loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean log N and log loss of each size, which are seeds or sizes that hardly differ."""
    order = np.argsort(log_n)
    group, first, member = 0, log_n[order[0]], np.empty(len(log_n), dtype=int)
    for place in order:
        if log_n[place] - first > _ONE_SIZE_LOG:
            group, first = group + 1, log_n[place]
        member[place] = group
    count = np.bincount(member)
    return np.bincount(member, log_n) / count, np.bincount(member, log_loss) / count


def _by_spline(x: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    """None where the spline swings below the sizes by more than their valley is deep."""
    from scipy.interpolate import Akima1DInterpolator

    places = np.interp(np.linspace(0, len(x) - 1, _STEPS * (len(x) - 1) + 1), np.arange(len(x)), x)
    heights = Akima1DInterpolator(x, y)(places)
    least, lowest = int(heights.argmin()), int(y.argmin())
    depth = max(y[lowest - 1], y[lowest + 1]) - y[lowest]
    if heights[least] < y[lowest] - depth:
        return None
    return float(places[least]), float(heights[least])
