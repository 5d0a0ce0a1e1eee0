"""Correlation between splits that were scored on the same runs, from the residuals of matching
runs."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import MANY, Configurations, configurations
from analysis.data.table import Runs
from analysis.estimate.resampling import keys_of
from analysis.verdict.trend import Trend


def seed_correlation(parts: Mapping[str, Runs]) -> Float[np.ndarray, "splits splits"]:
    """Correlation of the log residuals of matching configurations and seeds; 0 where seeds are not
    named or too few runs match."""
    residuals = [_residuals(part) for part in parts.values()]
    found = np.eye(len(parts))
    for one, other in combinations(range(len(parts)), 2):
        shared = sorted(set(residuals[one]) & set(residuals[other]))
        freedom = len(shared) - len({key[:-1] for key in shared})
        if freedom >= MANY:
            pairs = np.array([(residuals[one][key], residuals[other][key]) for key in shared])
            found[one, other] = found[other, one] = _correlation(pairs)
    return found


def _residuals(part: Runs) -> dict[tuple[object, ...], float]:
    points = configurations(part.axes, np.maximum(part.response, np.finfo(float).tiny))
    values = points.run_log - points.log_mean[points.member]
    keys = zip(*(column.tolist() for column in part.axes.values()), part.seed.tolist(), strict=True)
    found: dict[tuple[object, ...], float] = {}
    twice: set[tuple[object, ...]] = set()
    for key, value in zip(keys, values.tolist(), strict=True):
        twice |= {key} & found.keys()
        found[key] = value
    return {key: value for key, value in found.items() if key[-1] != "" and key not in twice}


def _correlation(pairs: np.ndarray) -> float:
    squares = np.sum(pairs**2, axis=0)
    return (
        float(np.clip(np.sum(pairs[:, 0] * pairs[:, 1]) / np.sqrt(squares.prod()), -0.999, 0.999))
        if squares.all()
        else 0.0
    )


def point_correlation(
    points: Mapping[str, Configurations], trends: Mapping[str, Trend]
) -> np.ndarray:
    """Correlation of the residuals of matching configurations; 0 below eight of them."""
    residuals = [
        dict(zip(keys_of(part), trends[name].residual.tolist(), strict=True))
        for name, part in points.items()
    ]
    found = np.eye(len(residuals))
    for one, other in combinations(range(len(residuals)), 2):
        shared = sorted(set(residuals[one]) & set(residuals[other]))
        if len(shared) >= MANY:
            found[one, other] = found[other, one] = _correlation(
                np.array([(residuals[one][key], residuals[other][key]) for key in shared])
            )
    return found
