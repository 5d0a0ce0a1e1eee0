"""Intervals for a proportion and for a ratio of means.

Wilson: (p + z2/2n ± z sqrt(p (1-p)/n + z2/4n2)) / (1 + z2/n)   (Wilson 1927; keeps its coverage at 0 and n, where ±1.96 se has width 0)
Ratio: percentile bootstrap over videos, numerator and denominator resampled by themselves.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_Z = 1.959964


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, *, of: int) -> Interval:
    """The share hits / of. `of` is at least 1."""
    share = hits / of
    centre = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z * np.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2)) / (1 + _Z**2 / of)
    return Interval(share, max(0.0, float(centre - half)), min(1.0, float(centre + half)))


def ratio_of_means(
    over: Float[np.ndarray, " over_videos"], *, under: Float[np.ndarray, " under_videos"], draws: int = 4000, seed: int = 0
) -> Interval:
    """mean(over) / mean(under) of positive errors, one value a video."""
    rng = np.random.default_rng(seed)
    spread = _means(over, draws, rng) / _means(under, draws, rng)
    low, high = np.quantile(spread, [0.025, 0.975])
    return Interval(float(over.mean() / under.mean()), float(low), float(high))


def _means(values: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=draws)
    return counts @ values / len(values)
