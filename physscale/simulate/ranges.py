"""Unions of intervals that a scenario draws from and that a baseline may know, e.g. `((0, 0.8),
(4.5, 6))`."""

import math
from collections.abc import Sequence

import numpy as np

from physscale.records.errors import UserError

Ranges = tuple[tuple[float, float], ...]


def settle(instance: object, **values: object) -> None:
    """Sets fields of a frozen dataclass from its `__post_init__`, so that 1 and 1.0, lists and
    tuples, name one and the same data set."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def checked_ranges(
    ranges: Sequence[Sequence[float | int]], *, what: str, least: float = 0.0
) -> Ranges:
    """The union as floats, once no interval is empty, ends before it starts or goes below `least`.

    Raises:
        UserError: naming the field and the interval.
    """
    if not ranges:
        raise UserError(f"{what}: no interval given; write for example ((1.0, 4.0),)")
    for low, high in ranges:
        if not (math.isfinite(low) and math.isfinite(high) and least <= low <= high):
            raise UserError(
                f"{what}: ({low}, {high}) is no interval; it needs {least} <= low <= high"
            )
    return tuple((float(low), float(high)) for low, high in ranges)


def settle_ranges(instance: object, *names: str, least: float = 0.0) -> None:
    """Checks these fields of a frozen dataclass (`checked_ranges`) and sets them as floats."""
    for name in names:
        ranges = checked_ranges(getattr(instance, name), what=name, least=least)
        settle(instance, **{name: ranges})


def draw_from(rng: np.random.Generator, ranges: Ranges) -> float:
    """A uniform draw from the union, or from its points if every interval is a point. It always
    takes one number from the generator."""
    chosen = rng.random()
    total = sum(high - low for low, high in ranges)
    if total == 0.0:
        return ranges[min(int(chosen * len(ranges)), len(ranges) - 1)][0]
    left = chosen * total
    for low, high in ranges:
        if left < high - low:
            return low + left
        left -= high - low
    return max(high for _, high in ranges)


def largest(ranges: Ranges) -> float:
    """The upper end of the union."""
    return max(high for _, high in ranges)
