"""Differences between splits, such as in distribution, out of distribution, combinatorial: every
split from the same resamples.

The splits are scored on the same runs, so their errors move together; intervals of a difference
that ignore this are wrong in either direction. One draw therefore takes the same configurations in
every split (analysis/estimate/resampling.py); where noise is drawn instead, it has the correlation
of the seeds' residuals, matched by configuration and seed (0 below eight matched degrees of
freedom).

  exponents   first - second, from the fitted laws
  end error   second / first: the laws at the largest level of every axis
  change      first - second: change of log response over the range of an axis (no law needed), as in the verdict
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import MANY, Configurations, configurations
from analysis.data.table import Runs
from analysis.estimate.resampling import Resamples, keys_of, shared_resamples
from analysis.fit.fit import MOST_CONFIGURATIONS, Fit
from analysis.verdict.trend import Trend, trend

_DRAWS = 4000


@dataclass(frozen=True)
class Contrast:
    """One difference or ratio of two splits, with a 95 % percentile interval of paired draws; an
    open end is None.

    `kind` "difference" is first - second, "ratio" is second / first. `apart` is true where the
    interval leaves out no difference."""

    quantity: str
    kind: Literal["difference", "ratio"]
    first: str
    second: str
    first_value: float
    second_value: float
    value: float
    low: float | None
    high: float | None
    draws: Float[np.ndarray, " resamples"]

    @property
    def apart(self) -> bool:
        """Whether the interval excludes 0 (difference) or 1 (ratio)."""
        none = 0.0 if self.kind == "difference" else 1.0
        return (self.low is not None and self.low > none) or (
            self.high is not None and self.high < none
        )

    @property
    def statement(self) -> str:
        """One sentence."""
        ends = f"[{_end(self.low)}, {_end(self.high)}]"
        if self.kind == "ratio":
            words = f"{self.quantity} is {self.value:.3g} times as large in {self.second} as in {self.first} {ends}"
            return words if self.apart else f"{words}: no difference is shown"
        values = f"{self.first} {self.first_value:.3g}, {self.second} {self.second_value:.3g}"
        words = f"{self.quantity}: {values}, difference {self.value:+.3g} {ends}"
        return words if self.apart else f"{words}: no difference is shown"


def pair(parts: Mapping[str, Runs], *, draws: int, seed: int) -> dict[str, Resamples] | None:
    """Resamples that the fits of all splits share; None for one split, or where a split is too
    large to be fitted whole."""
    points = {name: configurations(part.axes, np.ones(len(part))) for name, part in parts.items()}
    if len(parts) < 2 or max(len(part.log_mean) for part in points.values()) > MOST_CONFIGURATIONS:
        return None
    return shared_resamples(points, draws=draws, seed=seed, correlation=seed_correlation(parts))


def seed_correlation(parts: Mapping[str, Runs]) -> Float[np.ndarray, "splits splits"]:
    """Correlation of the log residuals of equal configurations and seeds; 0 where seeds are not
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


def fit_contrasts(fits: Mapping[str, Fit]) -> list[Contrast]:
    """Exponents and end errors of every pair of splits; the fits must share their resamples
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
    found = _contrast(name, "difference", first, second, *values)
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
    return _contrast(f"error at {place}", "ratio", first, second, *values)


def change_contrasts(
    parts: Mapping[str, Runs], *, axis: str, draws: int = _DRAWS, seed: int = 0
) -> list[Contrast]:
    """Without a law: change of log response along `axis` in every pair of splits, and the ratio of
    their mean errors at its largest level.

    The noise is that of the verdict's trends, drawn with the correlation of their residuals.
    """
    points = {name: configurations(part.axes, part.response) for name, part in parts.items()}
    trends = {
        name: found
        for name, part in points.items()
        if (found := trend(part, axis=axis)) is not None
    }
    if len(trends) < 2:
        return []
    points = {name: points[name] for name in trends}
    if all(found.noise == "many" for found in trends.values()):
        correlation = _point_correlation(points, trends)
    else:
        correlation = seed_correlation({name: parts[name] for name in trends})
    shared = shared_resamples(points, draws=draws, seed=seed, correlation=correlation)
    drawn = {
        name: _drawn(points[name], found, shared[name], axis=axis) for name, found in trends.items()
    }
    result = []
    for first, second in combinations(drawn, 2):
        one, other = drawn[first], drawn[second]
        result.append(
            _contrast(
                f"log change along {axis}", "difference", first, second, one.change, other.change
            )
        )
        result.append(
            _contrast(
                f"mean error at the largest {axis}",
                "ratio",
                first,
                second,
                np.exp(one.end),
                np.exp(other.end),
            )
        )
    return result


def contrast_object(contrast: Contrast) -> dict[str, object]:
    """For JSON; the draws stay out."""
    fields = (
        "quantity",
        "kind",
        "first",
        "second",
        "first_value",
        "second_value",
        "value",
        "low",
        "high",
    )
    return {name: getattr(contrast, name) for name in fields} | {
        "apart": contrast.apart,
        "statement": contrast.statement,
    }


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


def _contrast(
    quantity: str,
    kind: Literal["difference", "ratio"],
    first: str,
    second: str,
    one: np.ndarray,
    other: np.ndarray,
) -> Contrast:
    """From two arrays that hold the estimate and then its draws."""
    values = one - other if kind == "difference" else other / one
    low, high = np.quantile(values[1:], [0.025, 0.975]).tolist()
    return Contrast(
        quantity,
        kind,
        first,
        second,
        float(one[0]),
        float(other[0]),
        float(values[0]),
        low,
        high,
        values[1:],
    )


def _point_correlation(
    points: Mapping[str, Configurations], trends: Mapping[str, Trend]
) -> np.ndarray:
    """Correlation of the residuals of equal configurations; 0 below eight of them."""
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


def _end(value: float | None) -> str:
    return "open" if value is None else f"{value:.3g}"
