"""Unions of intervals that a scenario draws from and that a baseline may know, e.g. `((0, 0.8),
(4.5, 6))`."""

from collections.abc import Sequence

import numpy as np

from physscale.records.errors import UserError
from physscale.records.limits import Range, check_limits

Ranges = tuple[tuple[float, float], ...]
LARGEST = 1000.0
"""In metres, seconds and their ratios; the view is 10 m wide."""


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
        if not least <= low <= high <= LARGEST:
            raise UserError(
                f"{what}: ({low}, {high}) is no interval; it needs {least} <= low <= high <= "
                f"{LARGEST:g}"
            )
    return tuple((float(low), float(high)) for low, high in ranges)


def settle_ranges(instance: object, *names: str, least: float = 0.0) -> None:
    """Checks these fields of a frozen dataclass (`checked_ranges`) and sets them as floats."""
    for name in names:
        ranges = checked_ranges(getattr(instance, name), what=name, least=least)
        settle(instance, **{name: ranges})


def settle_moments(instance: object, *names: str) -> None:
    """Checks these fields of a frozen dataclass, seconds from 0 to `LARGEST`, and sets them as
    floats."""
    check_limits(instance, dict.fromkeys(names, Range(0, LARGEST)), what="")
    settle(instance, **{name: float(getattr(instance, name)) for name in names})


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
