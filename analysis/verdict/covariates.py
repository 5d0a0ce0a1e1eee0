"""What the other axes explain: covariates for a trend along one axis, and the part of a variable
that they leave."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import MANY, Configurations

LEAST_OWN = 0.05
"""The least share of an axis's variance that the other axes must leave, a variance inflation of 20.
Below it, curvature of the other axes' effects passes for an effect of this one."""
_MOST_STRATA = 500

Axes = Mapping[str, Float[np.ndarray, " configurations"]]


@dataclass(frozen=True)
class Unexplained:
    """The parts that no covariate gives, times the square root of each point's weight, and the
    rank of the covariates."""

    parts: Float[np.ndarray, "variables points"]
    rank: int


def unexplained(
    variables: Float[np.ndarray, "variables points"],
    covariates: Float[np.ndarray, "points columns"],
    *,
    weights: Float[np.ndarray, " points"],
) -> Unexplained:
    """Weighted residuals of `variables` on `covariates`, whose columns may depend on each other."""
    root = np.sqrt(weights)
    vectors, sizes, _ = np.linalg.svd(covariates * root[:, None], full_matrices=False)
    rank = int(np.sum(sizes > sizes[0] * len(root) * np.finfo(float).eps))
    basis = vectors[:, :rank]
    scaled = (variables - np.average(variables, axis=1, weights=weights)[:, None]) * root
    return Unexplained(scaled - (scaled @ basis) @ basis.T, rank)


def others_of(points: Configurations, *, axis: str) -> Float[np.ndarray, "configurations columns"]:
    """The other axes as covariates: one effect per combination, so that only matched configurations
    are compared. In a scattered design, where too few match, smooth covariates instead."""
    axes, size = points.axes, len(points.log_mean)
    strata = strata_of(axes, axis)
    count = strata.shape[1]
    if count <= min(size / 2, _MOST_STRATA):
        return strata
    if count <= min(size - 1 - MANY, _MOST_STRATA):
        own = _own(points, strata, axis=axis)
        if own >= LEAST_OWN:
            return strata
    logs = [np.log(values) - np.log(values).mean() for name, values in axes.items() if name != axis]
    return np.column_stack([np.ones(size), *logs, *(column**2 for column in logs)])


def own_share(points: Configurations, *, axis: str) -> float:
    """The share of the variance of log `axis` that the other axes leave: 1 in a full grid, 0 where
    they give it."""
    return _own(points, others_of(points, axis=axis), axis=axis)


def _own(points: Configurations, covariates: np.ndarray, *, axis: str) -> float:
    x = np.log(points.axes[axis])
    weights = points.seeds / points.seeds.mean()
    part = unexplained(x[None], covariates, weights=weights).parts[0]
    return float(part @ part / (weights @ (x - np.average(x, weights=weights)) ** 2))


def strata_of(axes: Axes, axis: str) -> Float[np.ndarray, "configurations strata"]:
    """One indicator column for each combination of the other axes."""
    others = [values for name, values in axes.items() if name != axis]
    if not others:
        return np.ones((len(axes[axis]), 1))
    _, member = np.unique(np.stack(others, axis=1), axis=0, return_inverse=True)
    return np.eye(int(member.max()) + 1)[member.reshape(-1)]
