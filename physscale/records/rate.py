"""A proportion as every table, figure and report writes it: with its 95 % Wilson interval.

    (p + z²/2n ± z sqrt(p (1-p)/n + z²/4n²)) / (1 + z²/n)        (Wilson 1927)

It keeps its coverage at 0 and n hits, where p ± 1.96 se has width 0."""

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """A proportion with its 95 % Wilson interval, of `count` trials."""

    value: float
    low: float
    high: float
    count: int


def wilson(hits: int, *, of: int) -> Rate:
    """hits / of. Without trials the value is NaN and the interval is 0 to 1."""
    if of == 0:
        return Rate(math.nan, 0.0, 1.0, 0)
    share, square = hits / of, Z_95**2 / of
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return Rate(share, max(middle - half, 0.0), min(middle + half, 1.0), of)
