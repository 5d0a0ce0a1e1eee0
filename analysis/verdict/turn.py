"""Does the error turn along an axis: fall and then rise, or rise and then fall? A line with one
break, on configuration means. Such a curve often has a trend over the whole range, and keeps it
nowhere.

A line with a break also bends back where it meets a curve that only flattens: the first part runs
below, and the second returns. So it must fit better than every monotone curve."""

from dataclasses import dataclass

import numpy as np

from analysis.data.configurations import Configurations
from analysis.verdict.covariates import others_of
from analysis.verdict.trend import FEWEST_LEVELS, LEVEL, Trend, monotone_miss, slope_along

_MOST_BREAKS = 12


@dataclass(frozen=True)
class Turn:
    """The level of the break, and the changes of log response on both sides of the break."""

    at: float
    before: Trend
    after: Trend


def turn(points: Configurations, *, axis: str) -> Turn | None:
    """The break with the clearest turn. None where no break has one: a fall on one side and a rise
    on the other, by one-sided t tests (5 % after Bonferroni over breaks and directions), and a
    better fit than any monotone curve."""
    x = np.log(points.axes[axis])
    levels = np.unique(x)
    if len(levels) < FEWEST_LEVELS:
        return None
    inner = levels[1:-1]
    breaks = inner[np.unique(np.linspace(0, len(inner) - 1, _MOST_BREAKS).round().astype(int))]
    others = others_of(points, axis=axis)
    monotone = monotone_miss(points, axis=axis).squares
    found: list[tuple[float, Turn]] = []
    for at in breaks:
        parts = np.minimum(x, at), np.maximum(x, at)
        before, after = (
            slope_along(
                part,
                points=points,
                axis=axis,
                given=np.column_stack([others, other]),
            )
            for part, other in (parts, parts[::-1])
        )
        if before is None or after is None or before.change * after.change >= 0:
            continue
        p = len(breaks) * max(before.p_two_sided, after.p_two_sided)
        if p < LEVEL and _bends_back(before, points=points, monotone=monotone):
            found.append((p, Turn(float(np.exp(at)), before, after)))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _bends_back(line: Trend, *, points: Configurations, monotone: float) -> bool:
    """Whether the broken line fits better than any monotone curve (F test, 5 %)."""
    from scipy.stats import f as f_distribution

    weights = points.seeds / points.seeds.mean()
    missed = float(np.sum(weights * line.residual**2))
    return monotone > missed + line.variance * float(f_distribution.isf(LEVEL, 1, line.freedom))
