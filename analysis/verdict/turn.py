"""Does the error turn along an axis: fall and then rise, or rise and then fall? A line with one
break, on configuration means. Such a curve often has a trend over the whole range, and keeps it
nowhere."""

from dataclasses import dataclass

import numpy as np

from analysis.data.configurations import Configurations
from analysis.verdict.covariates import others_of
from analysis.verdict.trend import FEWEST_LEVELS, LEVEL, Trend, slope_along

_MOST_BREAKS = 12


@dataclass(frozen=True)
class Turn:
    """The level of the break, and the changes of log response up to it and after it."""

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
    inner = levels[1:-1]
    breaks = inner[np.unique(np.linspace(0, len(inner) - 1, _MOST_BREAKS).round().astype(int))]
    others = others_of(points, axis=axis)
    found: list[tuple[float, Turn]] = []
    for at in breaks:
        early, late = np.minimum(x, at), np.maximum(x, at)
        before = slope_along(early, points=points, axis=axis, given=np.column_stack([others, late]))
        after = slope_along(late, points=points, axis=axis, given=np.column_stack([others, early]))
        if before is None or after is None or before.change * after.change >= 0:
            continue
        p = len(breaks) * max(before.p_two_sided, after.p_two_sided)
        found.append((p, Turn(float(np.exp(at)), before, after)))
    clear = [(p, one) for p, one in found if p < LEVEL]
    return min(clear, key=lambda pair: pair[0])[1] if clear else None
