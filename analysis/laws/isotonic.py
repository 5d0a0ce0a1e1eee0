"""No formula at all: the falling curve nearest to the configuration means, for display and as a
check of any law.

Source: pooling adjacent violators, Ayer et al. 1955; Barlow et al. 1972. It assumes only that more
is not worse."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import configurations
from analysis.verdict.isotonic import falling


@dataclass(frozen=True)
class Shape:
    """What is assumed instead of a formula, in the words of a law."""

    name: str
    formula: str
    source: str
    domain: str
    identifiable: str
    axes: tuple[str, ...]
    levels: int


ISOTONIC = Shape(
    name="isotonic",
    formula="L(x) never rises with x",
    source="Ayer et al. 1955; Barlow et al. 1972 (pooled adjacent violators)",
    domain="one axis, L > 0; only the observed range: it predicts nothing beyond",
    identifiable="three levels of x",
    axes=("x",),
    levels=3,
)


@dataclass(frozen=True)
class Isotonic:
    """Levels of the axis, the falling curve there, and the share of the variance of log response
    that it explains."""

    x: Float[np.ndarray, " levels"]
    level: Float[np.ndarray, " levels"]
    explained: float


def fit_isotonic(x: Float[np.ndarray, " runs"], response: Float[np.ndarray, " runs"]) -> Isotonic:
    """One axis; runs of equal x are averaged in log response."""
    points = configurations({"x": x}, response)
    weights = points.seeds.astype(float)
    curve = falling(points.log_mean, weights=weights)
    mean = np.average(points.log_mean, weights=weights)
    total = float(np.sum(weights * (points.log_mean - mean) ** 2))
    missed = float(np.sum(weights * (points.log_mean - curve) ** 2))
    return Isotonic(points.axes["x"], np.exp(curve), 1 - missed / total if total > 0 else 0.0)
