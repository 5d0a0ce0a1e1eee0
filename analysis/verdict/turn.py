"""Does the error turn along an axis: fall and then rise, or rise and then fall? Two lines, one for
each side of a break, on configuration means. Such a curve often has a trend over the whole range,
and keeps it nowhere.

The lines need not meet: the least-squares line through a part of a falling curve never rises,
however the curve bends."""

from dataclasses import dataclass

import numpy as np

from analysis.data.configurations import Configurations
from analysis.verdict.covariates import others_of
from analysis.verdict.trend import FEWEST_LEVELS, LEVEL, Trend, slope_along

_MOST_BREAKS = 12


@dataclass(frozen=True)
class Turn:
    """The lowest or highest level, and the changes of log response on both sides of the break."""

    at: float
    before: Trend
    after: Trend


def turn(points: Configurations, *, axis: str) -> Turn | None:
    """The break with the clearest turn. None where no break has one: a fall on one side and a rise
    on the other, by one-sided t tests (5 % after Bonferroni over breaks and directions)."""
    x = np.log(points.axes[axis])
    levels = np.unique(x)
    if len(levels) < FEWEST_LEVELS:
        return None
    places = np.linspace(1, len(levels) - 3, min(len(levels) - 3, _MOST_BREAKS)).round().astype(int)
    others = others_of(points, axis=axis)
    found: list[tuple[float, Turn]] = []
    for last, first in ((levels[place], levels[place + 1]) for place in places):
        late = x > last
        parts = np.minimum(x, last), np.maximum(x, first)
        before, after = (
            slope_along(
                part,
                points=points,
                axis=axis,
                given=np.column_stack([others, late, other]),
                late=late,
            )
            for part, other in (parts, parts[::-1])
        )
        if before is None or after is None or before.change * after.change >= 0:
            continue
        p = len(places) * max(before.p_two_sided, after.p_two_sided)
        if p < LEVEL:
            at = _extreme(points, x=x, ends=(last, first), lowest=before.change < 0)
            found.append((p, Turn(float(np.exp(at)), before, after)))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _extreme(
    points: Configurations, *, x: np.ndarray, ends: tuple[float, float], lowest: bool
) -> float:
    """The one of two neighbouring levels with the lower mean response, or the higher one."""
    low, high = sorted(ends, key=lambda level: float(points.log_mean[x == level].mean()))
    return low if lowest else high
