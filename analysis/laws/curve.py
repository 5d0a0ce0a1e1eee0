"""A curve without a formula: an assumed shape, and the nearest curve of that shape."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import configurations
from analysis.laws.law import Described


@runtime_checkable
class Curve(Described, Protocol):
    """A shape along one axis."""

    def nearest(
        self, log_means: Float[np.ndarray, " levels"], *, weights: Float[np.ndarray, " levels"]
    ) -> Float[np.ndarray, " levels"]:
        """The curve nearest to the mean log responses of the levels."""


@dataclass(frozen=True)
class FittedCurve:
    """Levels of the axis, the curve there, and the share of the variance of log response that it
    explains."""

    x: Float[np.ndarray, " levels"]
    level: Float[np.ndarray, " levels"]
    explained: float


def fit_curve(
    curve: Curve, *, x: Float[np.ndarray, " runs"], response: Float[np.ndarray, " runs"]
) -> FittedCurve:
    """The curve through runs along one axis. Runs with equal x are averaged in log response."""
    points = configurations({"x": x}, response)
    weights = points.seeds.astype(float)
    found = curve.nearest(points.log_mean, weights=weights)
    mean = np.average(points.log_mean, weights=weights)
    total = float(np.sum(weights * (points.log_mean - mean) ** 2))
    missed = float(np.sum(weights * (points.log_mean - found) ** 2))
    return FittedCurve(points.axes["x"], np.exp(found), 1 - missed / total if total > 0 else 0.0)
