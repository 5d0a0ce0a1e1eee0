"""Fit one law to one table of runs, with everything a reader needs to judge it.

Points are configuration means (analysis/data/configurations.py). The delta of the Huber loss is
given, or 1.345 times the median-absolute-deviation scale of the residuals, estimated once more
after a first fit. Intervals come from the profile likelihood and from a bootstrap over
configurations. Its draws are kept for all derived quantities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import Configurations, configurations
from analysis.estimate.evidence import Convergence, convergence, doubts, outliers
from analysis.estimate.loss import Binomial, Huber, Loss
from analysis.estimate.profile import Profile
from analysis.estimate.resampling import Resamples, shared_resamples
from analysis.estimate.solve import Solution, solve
from analysis.estimate.uncertainty import (
    Estimate,
    Noise,
    auto_delta,
    bootstrap_draws,
    estimates,
    noise_of,
    profiles,
)
from analysis.laws.law import Built, Columns, Law
from physscale.records.errors import UserError

Errors = Literal["relative", "absolute"]
MOST_CONFIGURATIONS = 1500
_SMALLEST_RATIO = 1e-9


@dataclass(frozen=True)
class Fit:
    """A fitted law."""

    law: Law
    points: Configurations
    built: Built
    loss: Loss
    solution: Solution
    delta: float | None
    parameters: Mapping[str, Estimate]
    profiles: Mapping[str, Profile]
    draws: Float[np.ndarray, "resamples parameters"]
    draw_objectives: Float[np.ndarray, " resamples"]
    weights: Float[np.ndarray, " configurations"]
    noise: Noise
    convergence: Convergence
    warnings: tuple[str, ...]

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
        """Log response minus log prediction; for a ratio, on the scale of the linear predictor."""
        return self.points.log_mean - np.log(self.predict(self.points.axes))


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
    count: Float[np.ndarray, " runs"] | None = None,
    errors: Errors = "relative",
    resamples: Resamples | None = None,
) -> Fit:
    """Fit `law` to runs whose axes are `columns`, keyed by the law's axis names.

    `delta` in log units (None: from the residuals; inf: least squares). `floor` fixes E: 0 removes
    it, a positive number is a measured one. `count` is the number of trials behind a ratio.
    `errors` "absolute" weights each configuration by its squared response. To first order this
    turns log residuals into residuals of the response, so large losses count for more, as in Gadre
    et al. 2024. `resamples` are shared with the fits of other splits (analysis/fit/paired.py);
    without them, the fit makes its own.

    Raises:
        UserError: if the table cannot determine the law (too few configurations or levels, all
            values equal).
    """
    columns, response, count, thinned = _thin(columns, response, count, seed=seed)
    points = configurations(
        columns, np.maximum(response, _SMALLEST_RATIO) if law.response == "ratio" else response
    )
    _refuse(law, points, floor=floor)
    weights = (
        np.ones(len(points.seeds))
        if law.response == "ratio"
        else points.seeds / points.seeds.mean()
    )
    if errors == "absolute" and law.response == "positive":
        weights = weights * np.exp(2 * (points.log_mean - points.log_mean.mean()))
        weights = weights / weights.mean()
    built = law.build(points.axes, floor=floor)
    starts = built.starts(points.log_mean, weights)
    loss: Loss
    if law.response == "ratio":
        loss, used = _binomial(law, points, response, count), None
    else:
        used = auto_delta(built, points, starts=starts, weights=weights) if delta is None else delta
        loss = Huber(points.log_mean, used)
    solution = solve(built, loss, starts=starts, weights=weights)
    noise = noise_of(built, loss, solution, points=points, weights=weights)
    draws, draw_objectives = bootstrap_draws(
        built,
        loss,
        solution,
        weights=weights,
        noise=noise,
        resamples=resamples or shared_resamples({"": points}, draws=bootstrap, seed=seed)[""],
    )
    found = profiles(built, loss, solution, weights=weights, noise=noise) if with_profile else {}
    evidence = convergence(built, loss, solution, weights=weights)
    return Fit(
        law=law,
        points=points,
        built=built,
        loss=loss,
        solution=solution,
        delta=used,
        parameters=estimates(built, solution, draws, found),
        profiles=found,
        draws=draws,
        draw_objectives=draw_objectives,
        weights=weights,
        noise=noise,
        convergence=evidence,
        warnings=(
            *thinned,
            *(() if delta is not None else outliers(built, points, solution.theta, delta=used)),
            *doubts(law, built, points, evidence=evidence, found=found, draws=draws),
        ),
    )


def _thin(
    columns: Mapping[str, np.ndarray], response: np.ndarray, count: np.ndarray | None, *, seed: int
) -> tuple[Mapping[str, np.ndarray], np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """At most `MOST_CONFIGURATIONS` configurations. Of more, a random part is fitted, and a note
    says so."""
    if len(response) <= MOST_CONFIGURATIONS:
        return columns, response, count, ()
    member = configurations(columns, np.ones(len(response))).member
    size = int(member.max()) + 1
    if size <= MOST_CONFIGURATIONS:
        return columns, response, count, ()
    taken = np.zeros(size, dtype=bool)
    taken[np.random.default_rng(seed).choice(size, MOST_CONFIGURATIONS, replace=False)] = True
    keep = taken[member]
    note = f"{size:,} configurations: a random {MOST_CONFIGURATIONS:,} of them were fitted"
    return (
        {name: values[keep] for name, values in columns.items()},
        response[keep],
        None if count is None else count[keep],
        (note,),
    )


def _refuse(law: Law, points: Configurations, *, floor: float | None) -> None:
    if floor is not None and not law.has_floor:
        raise UserError(f"--floor {floor:g}: law {law.name} has no floor E ({law.formula})")
    needed = len(law.parameters) - (0 if floor is None else 1)
    have = len(points.log_mean)
    if have < needed:
        raise UserError(
            f"law {law.name} has {needed} parameters, the table has {have} configurations: add "
            "runs or choose a smaller law"
        )
    if have > 1 and law.axes and np.ptp(points.log_mean) == 0:
        raise UserError(
            "all responses are equal: there is nothing to fit (law flat describes them)"
        )
    for axis in law.axes:
        levels = len(np.unique(points.axes[axis]))
        if levels < law.least_levels:
            raise UserError(
                f"axis {axis} has {levels} levels; law {law.name} needs {law.levels}: "
                f"{law.identifiable}"
            )


def _binomial(
    law: Law, points: Configurations, response: np.ndarray, count: np.ndarray | None
) -> Binomial:
    trials = np.ones(len(response)) if count is None else count
    size = len(points.log_mean)
    total = np.bincount(points.member, weights=trials, minlength=size)
    hits = np.bincount(points.member, weights=trials * response, minlength=size)
    return Binomial(hits / total, total, law.link)
