"""The interval of a ratio of means: percentile bootstrap over videos, with numerator and
denominator resampled independently."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def ratio_of_means(
    over: Float[np.ndarray, " over_videos"],
    *,
    under: Float[np.ndarray, " under_videos"],
    draws: int = 4000,
    seed: int = 0,
) -> Interval:
    """mean(over) / mean(under) of positive errors, one value per video."""
    rng = np.random.default_rng(seed)
    spread = _means(over, draws, rng) / _means(under, draws, rng)
    low, high = np.quantile(spread, [0.025, 0.975])
    return Interval(float(over.mean() / under.mean()), float(low), float(high))


def _means(values: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=draws)
    return counts @ values / len(values)
