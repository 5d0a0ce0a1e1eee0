"""Uncertainty: the noise of a configuration, bootstrap draws, profiles, and the estimates for a
reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import MANY, Configurations, scatter_of
from analysis.estimate.loss import Huber, Loss
from analysis.estimate.profile import Profile, profile, scale_squared
from analysis.estimate.resampling import Resamples
from analysis.estimate.solve import Solution, free_mask, redraw, resample, solve
from analysis.laws.law import Built

HUBER_EFFICIENT = 1.345
MAD_TO_SD = 1.4826
_SMALLEST_DELTA = 1e-6
_NEAREST = 8
_KNOWN = 1_000_000
"""Degrees of freedom of a variance that follows from the counts themselves."""


@dataclass(frozen=True)
class Estimate:
    """One parameter: value, bootstrap standard error, interval (None is an open end) and the source
    of the interval.

    The standard error is None without a bootstrap, and where a few draws run away so far that it
    exceeds the whole interval: then it says nothing about the others."""

    value: float
    se: float | None
    low: float | None
    high: float | None
    open: bool
    source: str


@dataclass(frozen=True)
class Noise:
    """The source of a configuration's scatter and its variance: residuals ("many", "few"), repeated
    seeds or counts."""

    kind: Literal["many", "seeds", "few", "counts"]
    variance: float | None
    freedom: int


def auto_delta(
    built: Built, points: Configurations, *, starts: np.ndarray, weights: np.ndarray
) -> float:
    """1.345 sd. The sd is the median-absolute-deviation scale of a least-squares fit, estimated
    once more from the Huber fit.

    With few degrees of freedom no residual can be called an outlier: least squares.
    """
    delta = np.inf
    if len(weights) - int(free_mask(built).sum()) < MANY:
        return delta
    for _ in range(2):
        solution = solve(built, Huber(points.log_mean, delta), starts=starts, weights=weights)
        starts = solution.optima.theta[np.argsort(solution.optima.objective)[:_NEAREST]]
        residual = points.log_mean - built.model.mu(solution.theta[None])[0]
        freedom = max(len(residual) - int(free_mask(built).sum()), 1) / len(residual)
        delta = max(
            HUBER_EFFICIENT * MAD_TO_SD * float(np.median(np.abs(residual))) / np.sqrt(freedom),
            _SMALLEST_DELTA,
        )
    return delta


def noise_of(
    built: Built, loss: Loss, solution: Solution, *, points: Configurations, weights: np.ndarray
) -> Noise:
    """The noise of a configuration mean: what the loss implies, else residuals or seeds."""
    moving = int(free_mask(built).sum())
    freedom = len(weights) - moving
    scale = scale_squared(built.model, loss, solution.theta, weights, moving=moving)
    if loss.own_noise == "few":
        return Noise("few", scale, max(freedom, 0))
    if loss.own_noise == "counts":
        over = scale is not None and scale > 1
        return Noise("counts", scale if over else 1.0, freedom if over else _KNOWN)
    found = scatter_of(points, residual=scale, freedom=freedom)
    if found is None:
        return Noise("few", None, max(freedom, 0))
    return Noise(found.source, found.variance, found.freedom)


def bootstrap_draws(
    built: Built,
    loss: Loss,
    solution: Solution,
    *,
    weights: np.ndarray,
    noise: Noise,
    resamples: Resamples,
) -> tuple[Float[np.ndarray, "resamples parameters"], Float[np.ndarray, " resamples"]]:
    """Resampled configurations. With few of them, draws around the law with the noise behind the
    intervals."""
    if resamples.draws == 0 or len(weights) < 2:
        return solution.theta[None].copy(), np.array([solution.objective])
    if noise.kind != "many" and loss.own_noise != "few" and noise.variance:
        drawn = loss.redrawn(
            built.model.mu(solution.theta[None])[0],
            deviation=np.sqrt(noise.variance / weights),
            freedom=noise.freedom,
            resamples=resamples,
        )
        found = redraw(built, drawn, solution=solution, weights=weights)
    else:
        counts = resamples.counts() * weights
        found = resample(built, loss, solution=solution, weights=counts)
    return found.theta, found.objective


def profiles(
    built: Built, loss: Loss, solution: Solution, *, weights: np.ndarray, noise: Noise
) -> dict[str, Profile]:
    """The profile of each parameter that moves."""
    found = {
        name: profile(
            built,
            loss,
            theta=solution.theta,
            objective=solution.objective,
            weights=weights,
            name=name,
            scale=noise.variance,
            freedom=noise.freedom,
        )
        for name in built.readings
    }
    return {name: value for name, value in found.items() if value is not None}


def estimates(
    built: Built, solution: Solution, draws: np.ndarray, found: Mapping[str, Profile]
) -> dict[str, Estimate]:
    """The estimate of each parameter, as a reader sees it."""
    values, spread = built.external(solution.theta[None]), built.external(draws)
    frozen = {
        name: int(np.flatnonzero(reading.functional)[0]) in built.frozen
        for name, reading in built.readings.items()
    }
    return {
        name: _estimate(float(value[0]), spread[name], found.get(name), frozen=frozen[name])
        for name, value in values.items()
    }


def _estimate(value: float, draws: np.ndarray, found: Profile | None, *, frozen: bool) -> Estimate:
    if frozen:
        return Estimate(value, None, value, value, open=False, source="given")
    if len(draws) < 2:
        if found is None:
            return Estimate(value, None, None, None, open=True, source="none")
        return Estimate(
            value,
            None,
            found.low,
            found.high,
            open=found.low is None or found.high is None,
            source="profile",
        )
    low, high = (float(end) for end in np.quantile(draws, [0.025, 0.975]))
    open_low, open_high = (
        found is not None and found.low is None,
        found is not None and found.high is None,
    )
    se = float(draws.std(ddof=1))
    return Estimate(
        value,
        se if se <= high - low else None,
        None if open_low else low,
        None if open_high else high,
        open=open_low or open_high,
        source="bootstrap",
    )
