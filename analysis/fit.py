"""Fit one law to one table of runs, with everything a reader needs to believe it or not.

Points are configuration means (analysis/configurations.py). delta of the Huber loss: given, or 1.345 times the median-absolute-deviation
scale of the residuals, estimated once more after a first fit. Intervals: profile likelihood, and a bootstrap over configurations whose
draws are kept for everything derived.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float

from analysis.configurations import MANY, Configurations, configurations, granted_variance
from analysis.estimate.loss import Huber
from analysis.estimate.profile import Profile, profile, scale_squared
from analysis.estimate.solve import Solution, free_mask, redraw, resample, solve
from analysis.laws.law import Built, Columns, Law

HUBER_EFFICIENT = 1.345
MAD_TO_SD = 1.4826
_SMALLEST_DELTA = 1e-6


@dataclass(frozen=True)
class Estimate:
    """One parameter: value, bootstrap standard error, interval (None is an open end) and where the interval is from."""

    value: float
    se: float | None
    low: float | None
    high: float | None
    open: bool
    source: str


@dataclass(frozen=True)
class Noise:
    """Where the scatter of a configuration is taken from: residuals ("many", "few") or repeated seeds; variance of log response."""

    kind: Literal["many", "seeds", "few"]
    variance: float | None
    freedom: int


@dataclass(frozen=True)
class Fit:
    """A fitted law."""

    law: Law
    points: Configurations
    built: Built
    solution: Solution
    delta: float
    parameters: Mapping[str, Estimate]
    profiles: Mapping[str, Profile]
    draws: Float[np.ndarray, "resamples parameters"]
    draw_objectives: Float[np.ndarray, " resamples"]
    weights: Float[np.ndarray, " configurations"]
    noise: Noise
    warnings: tuple[str, ...] = field(default=())

    def predict(self, at: Columns) -> Float[np.ndarray, " targets"]:
        """The law's response at new axes."""
        return self.built.predict(self.solution.theta[None], at)[0]

    def band(self, at: Columns, *, level: float = 0.95) -> Float[np.ndarray, "2 targets"]:
        """Pointwise bootstrap band of the law (not of a new run)."""
        spread = self.built.predict(self.draws, at)
        tail = (1 - level) / 2
        return np.quantile(spread, [tail, 1 - tail], axis=0)

    @property
    def residuals(self) -> Float[np.ndarray, " configurations"]:
        """Log response minus log prediction."""
        return self.points.log_mean - self.built.model.mu(self.solution.theta[None])[0]


def fit(
    law: Law,
    *,
    columns: Mapping[str, Float[np.ndarray, " runs"]],
    response: Float[np.ndarray, " runs"],
    delta: float | None = None,
    floor: float | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
    with_profile: bool = True,
) -> Fit:
    """Fit `law` to runs whose axes are `columns` (by the law's axis names) and whose `response` is positive.

    `delta` in log units (None: from the residuals; inf: least squares). `floor` fixes E: 0 removes it, a positive number is a measured one.
    """
    points = configurations(columns, response)
    weights = points.seeds / points.seeds.mean()
    built = law.build(points.axes, floor=floor)
    starts = built.starts(points.log_mean, weights)
    loss = Huber(points.log_mean, _delta(built, points, starts, weights) if delta is None else delta)
    solution = solve(built, loss, starts=starts, weights=weights)
    noise = _noise(built, loss, solution, points, weights)
    draws, draw_objectives = _bootstrap(built, loss, solution, weights, noise=noise, bootstrap=bootstrap, seed=seed)
    profiles = _profiles(built, loss, solution, weights, noise) if with_profile else {}
    return Fit(
        law=law,
        points=points,
        built=built,
        solution=solution,
        delta=loss.delta,
        parameters=_estimates(built, solution, draws, profiles),
        profiles=profiles,
        draws=draws,
        draw_objectives=draw_objectives,
        weights=weights,
        noise=noise,
    )


def _noise(built: Built, loss: Huber, solution: Solution, points: Configurations, weights: np.ndarray) -> Noise:
    moving = int(free_mask(built).sum())
    freedom = len(weights) - moving
    if freedom < MANY and (granted := granted_variance(points)) is not None:
        return Noise("seeds", granted, points.seed_freedom)
    scale = scale_squared(built.model, loss, solution.theta, weights, moving=moving)
    return Noise("many" if freedom >= MANY else "few", scale, max(freedom, 0))


def _delta(built: Built, points: Configurations, starts: np.ndarray, weights: np.ndarray) -> float:
    """1.345 sd, the sd by the median absolute deviation of a least-squares fit, once more from the Huber fit.

    With few degrees of freedom no residual can be called an outlier: least squares.
    """
    delta = np.inf
    if len(weights) - int(free_mask(built).sum()) < MANY:
        return delta
    for _ in range(2):
        solution = solve(built, Huber(points.log_mean, delta), starts=starts, weights=weights)
        residual = points.log_mean - built.model.mu(solution.theta[None])[0]
        moving = int(free_mask(built).sum())
        freedom = max(len(residual) - moving, 1) / len(residual)
        delta = max(HUBER_EFFICIENT * MAD_TO_SD * float(np.median(np.abs(residual))) / np.sqrt(freedom), _SMALLEST_DELTA)
    return delta


def _bootstrap(
    built: Built, loss: Huber, solution: Solution, weights: np.ndarray, *, noise: Noise, bootstrap: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    if bootstrap == 0 or len(weights) < 2:
        return np.repeat(solution.theta[None], 1, axis=0), np.array([solution.objective])
    if noise.kind == "seeds" and noise.variance is not None:
        sizes = np.random.default_rng(seed).standard_t(noise.freedom, size=(bootstrap, len(weights)))
        found = redraw(built, loss, solution=solution, weights=weights, noise=sizes * np.sqrt(noise.variance / weights))
        return found.theta, found.objective
    counts = resampling_counts(len(weights), resamples=bootstrap, seed=seed)
    found = resample(built, loss, solution=solution, weights=counts * weights)
    return found.theta, found.objective


def resampling_counts(points: int, *, resamples: int, seed: int) -> Float[np.ndarray, "resamples points"]:
    """How often each point is drawn. NumPy's legacy generator, so that seed 42 gives the very resamples of Besiroglu et al. 2024."""
    rng = np.random.RandomState(seed)
    return np.array([np.bincount(rng.choice(points, points), minlength=points) for _ in range(resamples)], dtype=float)


def _profiles(built: Built, loss: Huber, solution: Solution, weights: np.ndarray, noise: Noise) -> dict[str, Profile]:
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


def _estimates(built: Built, solution: Solution, draws: np.ndarray, profiles: Mapping[str, Profile]) -> dict[str, Estimate]:
    values = built.external(solution.theta[None])
    spread = built.external(draws)
    estimates = {}
    for name, value in values.items():
        frozen = int(np.flatnonzero(built.readings[name].functional)[0]) in built.frozen
        estimates[name] = _estimate(float(value[0]), spread[name], profiles.get(name), frozen=frozen)
    return estimates


def _estimate(value: float, draws: np.ndarray, found: Profile | None, *, frozen: bool) -> Estimate:
    if frozen:
        return Estimate(value, None, value, value, open=False, source="given")
    if len(draws) < 2:
        if found is None:
            return Estimate(value, None, None, None, open=True, source="none")
        return Estimate(value, None, found.low, found.high, open=found.low is None or found.high is None, source="profile")
    low, high = (float(end) for end in np.quantile(draws, [0.025, 0.975]))
    open_low, open_high = found is not None and found.low is None, found is not None and found.high is None
    return Estimate(
        value,
        float(draws.std(ddof=1)),
        None if open_low else low,
        None if open_high else high,
        open=open_low or open_high,
        source="bootstrap",
    )
