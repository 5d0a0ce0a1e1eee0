"""What the other axes explain: covariates for a trend along one axis, and the part of a variable
that they leave."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

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


def others_of(axes: Axes, axis: str) -> Float[np.ndarray, "configurations columns"]:
    """The other axes as covariates: one effect per combination. In a scattered design, where most
    combinations occur once, smooth covariates instead."""
    size = len(axes[axis])
    others = [values for name, values in axes.items() if name != axis]
    if not others or len(np.unique(np.stack(others, axis=1), axis=0)) <= min(
        size / 2, _MOST_STRATA
    ):
        return strata_of(axes, axis)
    logs = [np.log(values) - np.log(values).mean() for values in others]
    return np.column_stack([np.ones(size), *logs, *(column**2 for column in logs)])


def strata_of(axes: Axes, axis: str) -> Float[np.ndarray, "configurations strata"]:
    """One indicator column for each combination of the other axes."""
    others = [values for name, values in axes.items() if name != axis]
    if not others:
        return np.ones((len(axes[axis]), 1))
    _, member = np.unique(np.stack(others, axis=1), axis=0, return_inverse=True)
    return np.eye(int(member.max()) + 1)[member.reshape(-1)]
