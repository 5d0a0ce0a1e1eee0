"""Agreement beyond chance between raters who call the same videos normal or abnormal.

    κ = (P - Pₑ) / (1 - Pₑ)

P is the share of agreeing pairs of ratings, Pₑ the share that independent raters would reach. Cohen
(1960) takes Pₑ from the two raters' own shares; Fleiss (1971) takes it from all ratings together.
κ is 1 for full agreement and 0 for agreement by chance. It is undefined if every rating is the
same."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

RESAMPLES = 2000


@dataclass(frozen=True)
class Kappa:
    """A kappa and its 95 % percentile bootstrap interval over the videos; None where it is
    undefined.

    Attributes:
        agreement: share of agreeing pairs of ratings.
        count: number of videos.
    """

    value: float | None
    low: float | None
    high: float | None
    agreement: float
    count: int


def cohen(first: Bool[np.ndarray, " videos"], *, second: Bool[np.ndarray, " videos"]) -> Kappa:
    """Cohen's kappa of two raters.

    Raises:
        ValueError: if there is no video.
    """
    if not len(first):
        raise ValueError("agreement needs a video that both rated")
    return _with_interval(np.stack([first, second], -1), pooled=False)


def fleiss(ratings: Bool[np.ndarray, "videos raters"]) -> Kappa:
    """Fleiss' kappa of at least two raters who all rated every video.

    Raises:
        ValueError: if there is no video, or fewer than two raters.
    """
    if ratings.shape[0] < 1 or ratings.shape[1] < 2:
        raise ValueError(
            f"{ratings.shape[1]} raters of {ratings.shape[0]} videos; agreement needs two raters "
            "and a video"
        )
    return _with_interval(ratings, pooled=True)


def _with_interval(ratings: np.ndarray, *, pooled: bool) -> Kappa:
    count = len(ratings)
    draws = np.random.Generator(np.random.Philox(key=0)).integers(count, size=(RESAMPLES, count))
    agreed, chance = _shares(ratings[None], pooled=pooled)
    value = _kappa(agreed, chance)[0]
    drawn = _kappa(*_shares(ratings[draws], pooled=pooled))
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(drawn):
        return Kappa(None, None, None, float(agreed[0]), count)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Kappa(float(value), float(low), float(high), float(agreed[0]), count)


def _shares(ratings: np.ndarray, *, pooled: bool) -> tuple[np.ndarray, np.ndarray]:
    """P and Pₑ of ratings[samples, videos, raters]."""
    raters = ratings.shape[2]
    yes = ratings.sum(2)
    pairs = raters * (raters - 1)
    agreed = ((yes * (yes - 1) + (raters - yes) * (raters - yes - 1)) / pairs).mean(1)
    shares = ratings.mean(1)
    if pooled:
        mean = shares.mean(1)
        return agreed, mean**2 + (1 - mean) ** 2
    return agreed, shares.prod(1) + (1 - shares).prod(1)


def _kappa(agreed: np.ndarray, chance: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance < 1 - 1e-12, (agreed - chance) / (1 - chance), np.nan)
