"""Differences between splits (in distribution, out of distribution, combinatorial), with the same
resamples for every split.

The splits are scored on the same runs, so their errors move together. An interval of a difference
that ignores this may be too wide or too narrow. One draw therefore takes the same configurations in
every split (analysis/estimate/resampling.py). Where noise is drawn instead, it has the correlation
of the seeds' residuals, matched by configuration and seed (0 below eight matched degrees of
freedom).

  exponents   first - second, from the fitted laws
  end error   second / first: the laws at the largest level of every axis
  change      first - second: change of log response over the range of an axis, as in the verdict;
              it needs no law
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from analysis.data.configurations import Configurations, configurations
from analysis.data.table import Runs
from analysis.estimate.resampling import Resamples, shared_resamples
from analysis.fit.contrast import Contrast, contrast_of
from analysis.fit.correlation import point_correlation, seed_correlation
from analysis.fit.fit import MOST_CONFIGURATIONS, Fit
from analysis.verdict.trend import Trend, trend

_DRAWS = 4000


def pair(parts: Mapping[str, Runs], *, draws: int, seed: int) -> dict[str, Resamples] | None:
    """Resamples that the fits of all splits share; None for one split, or where a split is too
    large to be fitted whole."""
    points = {name: configurations(part.axes, np.ones(len(part))) for name, part in parts.items()}
    if len(parts) < 2 or max(len(part.log_mean) for part in points.values()) > MOST_CONFIGURATIONS:
        return None
    return shared_resamples(points, draws=draws, seed=seed, correlation=seed_correlation(parts))


def fit_contrasts(fits: Mapping[str, Fit]) -> list[Contrast]:
    """Exponents and end errors of every pair of splits. The fits must share their resamples
    (`pair`)."""
    found = []
    for first, second in combinations(fits, 2):
        one, other = fits[first], fits[second]
        if len(one.draws) != len(other.draws) or len(one.draws) < 2:
            continue
        for name, reading in one.built.readings.items():
            if (
                reading.scale == "linear"
                and name in other.built.readings
                and not {one.parameters[name].source, other.parameters[name].source} & {"given"}
            ):
                found.append(_difference(name, first, second, one, other))
        found.append(_end_ratio(first, second, one, other))
    return found


def _difference(name: str, first: str, second: str, one: Fit, other: Fit) -> Contrast:
    values = [
        np.concatenate([[fit.parameters[name].value], fit.built.external(fit.draws)[name]])
        for fit in (one, other)
    ]
    found = contrast_of(name, "difference", first, second, *values)
    a, b = one.parameters[name], other.parameters[name]
    return replace(
        found,
        low=None if a.low is None or b.high is None else found.low,
        high=None if a.high is None or b.low is None else found.high,
    )


def _end_ratio(first: str, second: str, one: Fit, other: Fit) -> Contrast:
    end = {
        axis: np.array([min(float(fit.points.axes[axis].max()) for fit in (one, other))])
        for axis in one.points.axes
    }
    values = [
        np.concatenate([fit.predict(end), fit.built.predict(fit.draws, end)[:, 0]])
        for fit in (one, other)
    ]
    place = ", ".join(f"{axis} {value[0]:.4g}" for axis, value in end.items())
    return contrast_of(f"error at {place}", "ratio", first, second, *values)


def change_contrasts(
    parts: Mapping[str, Runs], *, axis: str, draws: int = _DRAWS, seed: int = 0
) -> list[Contrast]:
    """Contrasts without a law: change of log response along `axis`, and the ratio of mean errors at
    its largest level, for every pair of splits.

    The noise is that of the trends behind the verdicts, drawn with the correlation of their
    residuals.
    """
    points = {name: configurations(part.axes, part.response) for name, part in parts.items()}
    trends = {
        name: found
        for name, part in points.items()
        if isinstance(found := trend(part, axis=axis), Trend)
    }
    if len(trends) < 2:
        return []
    points = {name: points[name] for name in trends}
    if all(found.noise == "many" for found in trends.values()):
        correlation = point_correlation(points, trends)
    else:
        correlation = seed_correlation({name: parts[name] for name in trends})
    shared = shared_resamples(points, draws=draws, seed=seed, correlation=correlation)
    drawn = {
        name: _drawn(points[name], found, shared[name], axis=axis) for name, found in trends.items()
    }
    result = []
    for first, second in combinations(drawn, 2):
        one, other = drawn[first], drawn[second]
        change, end = f"log change along {axis}", f"mean error at the largest {axis}"
        ends = np.exp(one.end), np.exp(other.end)
        result += [
            contrast_of(change, "difference", first, second, one.change, other.change, axis=axis),
            contrast_of(end, "ratio", first, second, *ends, axis=axis),
        ]
    return result


@dataclass(frozen=True)
class _Drawn:
    """Change over the range and mean log response at the largest level: the estimate first, then
    its draws."""

    change: np.ndarray
    end: np.ndarray


def _drawn(points: Configurations, found: Trend, resamples: Resamples, *, axis: str) -> _Drawn:
    weights = points.seeds / points.seeds.mean()
    noise = resamples.noise(freedom=found.freedom) * np.sqrt(found.variance / weights)
    largest = points.axes[axis] == points.axes[axis].max()
    last = largest * weights / np.sum(weights[largest])
    change, end = (
        found.change + noise @ (found.row * found.span),
        last @ points.log_mean + noise @ last,
    )
    return _Drawn(
        np.concatenate([[found.change], change]), np.concatenate([[last @ points.log_mean], end])
    )
