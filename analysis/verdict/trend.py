"""Does the log response change along one axis, the other axes held fixed? Least squares on
configuration means.

change = slope x (range of log x). The slope is that of the parts of log response and log x that the
other axes do not give (Frisch and Waugh 1933). Where they give nearly all of log x, as in a ladder
with D = 20 N, nobody can tell whose effect it is: the axes are `Entangled`.

The noise of a configuration mean is that of `scatter_of`. Seeds do not count where even a monotone
curve misses the means by more than they allow (F test, 5 %): then configurations scatter more.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import Configurations, Scatter, scatter_of
from analysis.verdict.covariates import LEAST_OWN, others_of, own_share, strata_of, unexplained
from analysis.verdict.isotonic import falling

LEVEL = 0.05
"""Of every test behind a verdict."""

FEWEST_LEVELS = 4
"""Of an axis, for a shape that is more than a straight line."""


@dataclass(frozen=True)
class Trend:
    """Slope per e-fold of x, with its standard error and degrees of freedom. `span` is the observed
    range of log x.

    `variance` is that of a configuration of mean weight, `spread` the residual variance. `row`
    holds the weight of each configuration's mean in the slope."""

    slope: float
    se: float
    freedom: int
    span: float
    levels: int
    noise: Literal["many", "seeds", "few"]
    variance: float
    spread: float | None
    row: Float[np.ndarray, " configurations"]
    residual: Float[np.ndarray, " configurations"]

    @property
    def change(self) -> float:
        """Change of the log response over the observed range; a fall is negative."""
        return self.slope * self.span

    @property
    def change_se(self) -> float:
        """Standard error of the change."""
        return self.se * self.span

    @property
    def half_width(self) -> float:
        """Half the 95 % interval of the change."""
        from scipy.stats import t as student

        return float(student.ppf(0.975, self.freedom)) * self.change_se

    def p_not_below(self, bound: float) -> float:
        """One-sided p of a change of at least `bound`, in log response."""
        from scipy.stats import t as student

        distance = self.change - bound
        if self.change_se == 0:
            return float(np.sign(distance)) / 2 + 0.5
        return float(student.cdf(distance / self.change_se, self.freedom))

    def p_beyond(self, bound: float) -> float:
        """p of a change of `bound` or more either way: two one-sided tests."""
        return max(self.p_not_below(bound), 1 - self.p_not_below(-bound))

    @property
    def p_two_sided(self) -> float:
        """p of no change."""
        return 2 * min(self.p_not_below(0.0), 1 - self.p_not_below(0.0))

    @property
    def per_decade(self) -> float:
        """Change of the log response per factor of ten in x."""
        return self.slope * float(np.log(10))


@dataclass(frozen=True)
class Entangled:
    """An axis of which the other axes leave less than `LEAST_OWN`. `along` are those that must be
    let go for a trend, and `joint` is the trend along the axis as they move with it; None where
    even that has no noise."""

    own: float
    along: tuple[str, ...]
    joint: Trend | None


def trend(points: Configurations, *, axis: str) -> Trend | Entangled | None:
    """The trend along `axis`; None where the axis has fewer than three levels or no degree of
    freedom is left for the noise."""
    if len(np.unique(points.axes[axis])) < 3:
        return None
    own = own_share(points, axis=axis)
    if own >= LEAST_OWN:
        return _alone(points, axis)
    kept, left = points, own
    while left < LEAST_OWN:
        smaller = [_without(kept, other) for other in kept.axes if other != axis]
        kept = max(smaller, key=lambda part: own_share(part, axis=axis))
        left = own_share(kept, axis=axis)
    along = tuple(name for name in points.axes if name not in kept.axes)
    return Entangled(own, along, _alone(kept, axis))


def _without(points: Configurations, axis: str) -> Configurations:
    return replace(
        points, axes={name: values for name, values in points.axes.items() if name != axis}
    )


def _alone(points: Configurations, axis: str) -> Trend | None:
    return slope_along(
        np.log(points.axes[axis]), points=points, axis=axis, given=others_of(points, axis=axis)
    )


def slope_along(
    x: Float[np.ndarray, " configurations"],
    *,
    points: Configurations,
    axis: str,
    given: Float[np.ndarray, "configurations columns"],
) -> Trend | None:
    """The slope of log response along `x`, a function of `axis`, with the columns of `given` held
    fixed; None where no degree of freedom is left for the noise."""
    weights = points.seeds / points.seeds.mean()
    found = unexplained(np.stack([x, points.log_mean]), given, weights=weights)
    own, rest = found.parts
    slope = float(own @ rest / (own @ own))
    residual = rest - slope * own
    freedom = len(x) - found.rank - 1
    spread = float(residual @ residual) / freedom if freedom else None
    noise = scatter_of(points, residual=spread, freedom=freedom)
    if noise is not None and noise.source == "seeds" and _scatters_more(points, axis, noise):
        noise = Scatter("few", spread, freedom) if spread is not None else None
    if noise is None:
        return None
    return Trend(
        slope=slope,
        se=float(np.sqrt(noise.variance / (own @ own))),
        freedom=noise.freedom,
        span=float(np.ptp(x)),
        levels=len(np.unique(x)),
        noise=noise.source,
        variance=noise.variance,
        spread=spread,
        row=own * np.sqrt(weights) / (own @ own),
        residual=residual / np.sqrt(weights),
    )


def _scatters_more(points: Configurations, axis: str, most: Scatter) -> bool:
    """Whether the means miss both the nearest falling and the nearest rising curve by more than the
    noise that seeds allow."""
    from scipy.stats import f as f_distribution

    missed = monotone_miss(points, axis=axis)
    if missed.freedom == 0:
        return False
    ratio = missed.squares / missed.freedom / most.variance
    return bool(f_distribution.sf(ratio, missed.freedom, most.freedom) < 0.05)


class Miss(NamedTuple):
    """A weighted sum of squares, and its degrees of freedom."""

    squares: float
    freedom: int


def monotone_miss(points: Configurations, *, axis: str) -> Miss:
    """How far the means lie from the nearest monotone curves along `axis`: one falling or rising
    curve for each combination of the other axes."""
    x = points.axes[axis]
    squares, freedom = 0.0, 0
    for column in strata_of(points.axes, axis).T:
        inside = column > 0
        order = np.argsort(x[inside])
        y, w = points.log_mean[inside][order], points.seeds[inside][order].astype(float)
        down, up = falling(y, weights=w), -falling(-y, weights=w)
        miss = [float(np.sum(w * (y - curve) ** 2) / w.mean()) for curve in (down, up)]
        blocks = [len(np.unique(curve)) for curve in (down, up)]
        pick = int(np.argmin(miss))
        squares, freedom = squares + miss[pick], freedom + len(y) - blocks[pick]
    return Miss(squares, freedom)
