"""The runs that would part axes that move together."""

import itertools
from dataclasses import replace

import numpy as np

from analysis.data.configurations import Configurations
from analysis.verdict.covariates import LEAST_OWN, own_share

_MOST_RUNS = 8
_MOST_LEVELS = 5
"""Of each axis, for the candidates."""


def parting_runs(
    points: Configurations, *, axis: str, along: tuple[str, ...]
) -> tuple[dict[str, float], ...]:
    """The fewest runs, chosen one by one, after which the other axes leave enough of `axis`. Their
    levels are those of the table, and the axes that do not move along stay at the middle.

    Empty where `_MOST_RUNS` are not enough."""
    ranges = {
        name: _levels(values) if name == axis or name in along else _middle(values)
        for name, values in points.axes.items()
    }
    candidates = [
        dict(zip(ranges, values, strict=True)) for values in itertools.product(*ranges.values())
    ]
    candidates.sort(key=lambda run: float(np.prod(list(run.values()))))  # of equals, the cheapest
    runs: list[dict[str, float]] = []
    while len(runs) < _MOST_RUNS:
        shares = [own_share(_with(points, [*runs, run]), axis=axis) for run in candidates]
        best = int(np.argmax(np.round(shares, 6)))
        runs.append(candidates[best])
        if shares[best] >= LEAST_OWN:
            return tuple(runs)
    return ()


def _levels(values: np.ndarray) -> list[float]:
    levels = np.unique(values)
    places = np.linspace(0, len(levels) - 1, min(len(levels), _MOST_LEVELS)).round().astype(int)
    found: list[float] = levels[places].tolist()
    return found


def _middle(values: np.ndarray) -> list[float]:
    levels = np.unique(values)
    return [float(levels[len(levels) // 2])]


def _with(points: Configurations, runs: list[dict[str, float]]) -> Configurations:
    """The table with more configurations, whose response nobody knows yet."""
    more = len(runs)
    return replace(
        points,
        axes={
            name: np.append(values, [run[name] for run in runs])
            for name, values in points.axes.items()
        },
        log_mean=np.append(points.log_mean, np.zeros(more)),
        seeds=np.append(points.seeds, np.full(more, round(float(points.seeds.mean())))),
        appearance=np.append(points.appearance, len(points.appearance) + np.arange(more)),
    )
