"""Is the law right, and does it predict? Ordered hold-out, lack of fit against seed noise,
sensitivity.

Hold-out: fit without the largest levels of one axis, predict them. RMSLE and bias are of log
response; skill = 1 - RMSLE / RMSLE(carry the nearest kept configuration forward). On 40 of 92
public learning curves, that naive rule beats a power law with a floor. Where held-out
configurations match kept ones on the other axes, only these are predicted, each against its match:
in an unbalanced table, the others differ in more than the axis."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from analysis.data.configurations import Configurations, configurations
from analysis.estimate.loss import Huber, Loss
from analysis.estimate.solve import free_mask, solve
from analysis.estimate.uncertainty import auto_delta
from analysis.fit.fit import Fit, fit
from analysis.laws.law import Columns, Law
from physscale.records.errors import UserError

_MANY_LEVELS = 12
_MOST_POINTS = 400
"""A larger table is thinned at random to this many configurations, because the hold-out is repeated
for every axis and origin."""
DRAWS = 400
"""Resamples behind a prediction interval."""


@dataclass(frozen=True)
class Predicted:
    """Held-out responses: measured, and predicted without them with the 95 % prediction
    interval."""

    measured: Float[np.ndarray, " held"]
    predicted: Float[np.ndarray, " held"]
    low: Float[np.ndarray, " held"]
    high: Float[np.ndarray, " held"]


@dataclass(frozen=True)
class HoldOut:
    """One origin: what was held out, how far it lies beyond the rest in observed log-ranges, and
    how well it was predicted."""

    axis: str
    dropped: int
    held: int
    distance: float
    rmsle: float
    bias: float
    coverage: float
    naive_rmsle: float
    skill: float
    points: Predicted

    @property
    def summary(self) -> dict[str, float | int | str]:
        """The numbers without the points."""
        return {name: value for name, value in vars(self).items() if name != "points"}


def hold_out(
    law: Law,
    *,
    columns: Columns,
    response: Float[np.ndarray, " runs"],
    axis: str,
    draws: int = DRAWS,
    **options: float | None,
) -> list[HoldOut]:
    """Rolling origin: holds out the largest level, then the two largest. Where levels are many, a
    tenth and a fifth of the range."""
    points = configurations(columns, response)
    if len(points.log_mean) > _MOST_POINTS:
        keep = np.random.default_rng(0).permutation(len(points.log_mean))[:_MOST_POINTS]
        columns, response = (
            {name: values[keep] for name, values in points.axes.items()},
            np.exp(points.log_mean[keep]),
        )
        points = configurations(columns, response)
    values = points.axes[axis]
    levels = np.unique(values)
    cuts = (
        [float(np.quantile(values, q)) for q in (0.9, 0.8)]
        if len(levels) > _MANY_LEVELS
        else [float(level) for level in levels[-2:-4:-1]]
    )
    found = []
    for dropped, cut in enumerate(cuts, start=1):
        kept_runs, kept = np.asarray(columns[axis]) <= cut, values <= cut
        if kept.all() or len(np.unique(values[kept])) < 2:
            continue
        part = {name: np.asarray(column)[kept_runs] for name, column in columns.items()}
        try:
            fitted = fit(
                law,
                columns=part,
                response=response[kept_runs],
                bootstrap=draws,
                with_profile=False,
                **options,  # type: ignore[arg-type]
            )
        except UserError:
            continue
        found.append(_score(fitted, points, kept=kept, axis=axis, dropped=dropped))
    return found


def _score(
    fitted: Fit, points: Configurations, *, kept: np.ndarray, axis: str, dropped: int
) -> HoldOut:
    same = _same_others(points, axis)
    matched = ~kept & same[:, kept].any(axis=1)
    held = matched if matched.any() else ~kept
    at = {name: values[held] for name, values in points.axes.items()}
    truth = points.log_mean[held]
    predicted = fitted.predict(at)
    error = np.log(predicted) - truth
    logs = {name: np.log(values) for name, values in points.axes.items()}
    allowed = same[held][:, kept] if matched.any() else np.True_
    naive = _carry(logs, points.log_mean, kept=kept, held=held, allowed=allowed)
    sd = np.sqrt(fitted.noise.variance or 0.0)
    rng = np.random.default_rng(0)
    draws = np.log(fitted.built.predict(fitted.draws, at))
    if fitted.noise.kind == "many":
        spare = len(fitted.residuals) - int(free_mask(fitted.built).sum())
        draws = draws + rng.choice(fitted.residuals, draws.shape) * np.sqrt(
            len(fitted.residuals) / spare
        )
    else:
        draws = draws + sd * rng.standard_t(max(fitted.noise.freedom, 1), draws.shape)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    rmsle, naive_rmsle = _root_mean(error), _root_mean(naive - truth)
    inside = logs[axis][kept]
    return HoldOut(
        axis=axis,
        dropped=dropped,
        held=len(truth),
        distance=float((logs[axis].max() - inside.max()) / max(np.ptp(inside), 1e-12)),
        rmsle=rmsle,
        bias=float(error.mean()),
        coverage=float(np.mean((truth >= low) & (truth <= high))),
        naive_rmsle=naive_rmsle,
        skill=1 - rmsle / naive_rmsle if naive_rmsle > 0 else float("-inf"),
        points=Predicted(np.exp(truth), predicted, np.exp(low), np.exp(high)),
    )


def _same_others(points: Configurations, axis: str) -> Bool[np.ndarray, "points points"]:
    """Which configurations agree on all axes but this one."""
    same = np.ones((len(points.log_mean), len(points.log_mean)), dtype=bool)
    for name, values in points.axes.items():
        if name != axis:
            same &= values[:, None] == values[None]
    return same


def _carry(
    logs: Mapping[str, np.ndarray],
    log_mean: np.ndarray,
    *,
    kept: np.ndarray,
    held: np.ndarray,
    allowed: np.ndarray | np.bool_,
) -> np.ndarray:
    """The log response of the nearest allowed kept configuration (axes scaled by their range)."""
    scaled = np.stack([values / max(np.ptp(values), 1e-12) for values in logs.values()], axis=1)
    distance = ((scaled[held][:, None] - scaled[kept][None]) ** 2).sum(axis=2)
    return log_mean[kept][np.where(allowed, distance, np.inf).argmin(axis=1)]


def _root_mean(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@dataclass(frozen=True)
class LackOfFit:
    """F test: do the configuration means miss the law by more than the seeds scatter?"""

    f: float
    p: float
    freedom: tuple[int, int]


def lack_of_fit(fitted: Fit) -> LackOfFit | None:
    """None without repeated seeds or without a degree of freedom."""
    points = fitted.points
    freedom = len(points.log_mean) - int(free_mask(fitted.built).sum())
    pure = points.seed_variance
    if not pure or freedom < 1:
        return None
    from scipy.stats import f as f_distribution

    statistic = float(np.sum(points.seeds * fitted.residuals**2) / freedom / pure)
    return LackOfFit(
        statistic,
        float(f_distribution.sf(statistic, freedom, points.seed_freedom)),
        (freedom, points.seed_freedom),
    )


def sensitivity(fitted: Fit) -> list[dict[str, object]]:
    """The parameters under other deltas, and without the runs that fit worst."""
    if fitted.delta is None:
        return []
    auto = auto_delta(
        fitted.built, fitted.points, starts=fitted.solution.starts, weights=fitted.weights
    )
    once = fitted.solution.theta[None]
    rows = []
    for name, delta in _deltas(auto):
        loss = Huber(fitted.points.log_mean, delta)
        starts = fitted.solution.starts if np.isinf(delta) else once
        rows.append(_refitted(fitted, f"delta {name}", loss, starts=starts, weights=fitted.weights))
    order = np.argsort(-np.abs(fitted.residuals))
    for left in (1, 2, 5):
        if len(order) - left >= int(free_mask(fitted.built).sum()) + 2:
            weights = fitted.weights.copy()
            weights[order[:left]] = 0.0
            name = f"without the {left} worst"
            rows.append(_refitted(fitted, name, fitted.loss, starts=once, weights=weights))
    return rows


def _refitted(
    fitted: Fit, name: str, loss: Loss, *, starts: np.ndarray, weights: np.ndarray
) -> dict[str, object]:
    found = solve(fitted.built, loss, starts=starts.copy(), weights=weights)
    parameters = fitted.built.external(found.theta[None])
    return {"case": name} | {key: float(value[0]) for key, value in parameters.items()}


def _deltas(auto: float) -> list[tuple[str, float]]:
    named = [("1e-3", 1e-3), (f"auto {auto:.2g}", auto), ("inf", np.inf)]
    return named if np.isfinite(auto) else [named[0], named[2]]
