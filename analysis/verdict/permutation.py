"""An exact, distribution-free check of the trend: shuffle the axis among configurations that agree
on the other axes.

With four configurations there are only 24 orders, so the smallest possible p is 1/24. `least` gives
this limit beside every p."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from analysis.data.configurations import Configurations

_MOST_EXACT = 5040
_RANDOM = 4999
_MOST_POINTS = 5000


@dataclass(frozen=True)
class Permutation:
    """One-sided p for a fall, and the smallest p that the number of configurations allows."""

    p: float
    least: float


def permutation(points: Configurations, *, axis: str, seed: int = 0) -> Permutation | None:
    """Compares the covariance of log response and log axis (within strata) with that of shuffled
    orders: all orders where possible, else a sample.

    None in a scattered design, where no two configurations agree on the other axes. None also
    beyond 5,000 configurations, where it adds nothing."""
    x = np.log(points.axes[axis])
    if len(x) > _MOST_POINTS:
        return None
    groups = _groups(points, axis)
    if max(len(group) for group in groups) < 2:
        return None
    centred = np.zeros_like(x)
    for group in groups:
        centred[group] = x[group] - x[group].mean()
    y = points.log_mean
    seen = float(centred @ y)
    log_orders = sum(math.lgamma(len(group) + 1) for group in groups)
    if log_orders <= math.log(_MOST_EXACT) + 1e-9:
        scores = [0.0]
        for group in groups:
            parts = [
                float(centred[group] @ y[list(order)]) for order in itertools.permutations(group)
            ]
            scores = [total + part for total in scores for part in parts]
        tolerance = 1e-12 * (abs(seen) + 1)
        return Permutation(float(np.mean(np.array(scores) <= seen + tolerance)), 1 / len(scores))
    rng = np.random.default_rng(seed)
    shuffled = np.tile(y, (_RANDOM, 1))
    for group in groups:
        shuffled[:, group] = rng.permuted(shuffled[:, group], axis=1)
    below = int(np.sum(shuffled @ centred <= seen + 1e-12 * (abs(seen) + 1)))
    return Permutation((below + 1) / (_RANDOM + 1), 1 / (_RANDOM + 1))


def _groups(points: Configurations, axis: str) -> list[np.ndarray]:
    others = [values for name, values in points.axes.items() if name != axis]
    if not others:
        return [np.arange(len(points.log_mean))]
    _, member = np.unique(np.stack(others, axis=1), axis=0, return_inverse=True)
    return [np.flatnonzero(member.reshape(-1) == value) for value in np.unique(member)]
