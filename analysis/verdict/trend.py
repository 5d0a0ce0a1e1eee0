"""Does the log response change along one axis? Ordinary least squares on configuration means, with
the other axes as fixed effects.

change = slope x (range of log x). The noise of a configuration mean comes from the first source
that the table allows:
  many   residuals of the regression, when they have at least `MANY` degrees of freedom
  seeds  pooled seed variance s2, with configuration scatter assumed as large as the seed scatter:
         s2 (1/m + 1). With four levels, scatter between configurations cannot be distinguished
         from curvature of the law, and the residuals of a straight line mostly measure curvature.
         Not used when even a monotone curve misses the means by more than that (F test, 5 %):
         then the scatter is larger than assumed.
  few    residuals of the regression, whatever their degrees of freedom
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import MANY, Configurations, granted_variance
from analysis.verdict.isotonic import falling

_MOST_STRATA = 500


@dataclass(frozen=True)
class Trend:
    """Slope per e-fold of x, with its standard error and degrees of freedom. `span` is the observed
    range of log x.

    `variance` is that of a configuration of mean weight. `row` holds the weight of each
    configuration's mean in the slope."""

    slope: float
    se: float
    freedom: int
    span: float
    levels: int
    noise: Literal["many", "seeds", "few"]
    variance: float
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
    def per_decade(self) -> float:
        """Change of the log response per factor of ten in x."""
        return self.slope * float(np.log(10))


def trend(points: Configurations, *, axis: str) -> Trend | None:
    """The trend along `axis`; None where the axis has fewer than three levels or no degree of
    freedom is left for the noise."""
    x = np.log(points.axes[axis])
    levels = len(np.unique(x))
    if levels < 3:
        return None
    design = np.column_stack([_others(points.axes, axis), x])
    weights = points.seeds / points.seeds.mean()
    root = np.sqrt(weights)
    coefficients, *_ = np.linalg.lstsq(design * root[:, None], points.log_mean * root, rcond=None)
    rank = int(np.linalg.matrix_rank(design))
    residual = points.log_mean - design @ coefficients
    freedom = len(x) - rank
    inverse = np.linalg.pinv(design.T @ (design * weights[:, None]))
    noise, variance, freedom = _noise(points, axis, float(residual @ (residual * weights)), freedom)
    if noise is None:
        return None
    return Trend(
        slope=float(coefficients[-1]),
        se=float(np.sqrt(max(variance, 0.0) * inverse[-1, -1])),
        freedom=freedom,
        span=float(np.ptp(x)),
        levels=levels,
        noise=noise,
        variance=max(variance, 0.0),
        row=inverse[-1] @ (design * weights[:, None]).T,
        residual=residual,
    )


def _noise(
    points: Configurations, axis: str, squares: float, freedom: int
) -> tuple[Literal["many", "seeds", "few"] | None, float, int]:
    """The source of the noise, the variance of a configuration of mean weight, and its degrees of
    freedom."""
    if freedom >= MANY:
        return "many", squares / freedom, freedom
    granted = granted_variance(points)
    if granted and not _scatters_more(points, axis, granted):
        return "seeds", granted, points.seed_freedom
    if freedom >= 1:
        return "few", squares / freedom, freedom
    return None, 0.0, 0


def _scatters_more(points: Configurations, axis: str, granted: float) -> bool:
    """Whether the means miss both the nearest falling and the nearest rising curve by more than the
    assumed noise."""
    from scipy.stats import f as f_distribution

    x = points.axes[axis]
    strata = strata_of(points.axes, axis)
    squares, freedom = 0.0, 0
    for column in strata.T:
        inside = column > 0
        order = np.argsort(x[inside])
        y, w = points.log_mean[inside][order], points.seeds[inside][order].astype(float)
        down, up = falling(y, weights=w), -falling(-y, weights=w)
        miss = [float(np.sum(w * (y - curve) ** 2) / w.mean()) for curve in (down, up)]
        blocks = [len(np.unique(curve)) for curve in (down, up)]
        pick = int(np.argmin(miss))
        squares, freedom = squares + miss[pick], freedom + len(y) - blocks[pick]
    if freedom == 0:
        return False
    return bool(f_distribution.sf(squares / freedom / granted, freedom, points.seed_freedom) < 0.05)


def _others(
    axes: Mapping[str, Float[np.ndarray, " configurations"]], axis: str
) -> Float[np.ndarray, "configurations columns"]:
    """The other axes as covariates: one effect per combination. In a scattered design, where most
    combinations occur once, smooth covariates instead."""
    size = len(axes[axis])
    others = [values for name, values in axes.items() if name != axis]
    if not others or len(np.unique(np.stack(others, axis=1), axis=0)) <= min(
        size / 2, _MOST_STRATA
    ):
        return strata_of(axes, axis)
    logs = [np.log(values) - np.log(values).mean() for values in others]
    return np.column_stack([np.ones(size), *logs, *(column**2 for column in logs)])


def strata_of(
    axes: Mapping[str, Float[np.ndarray, " configurations"]], axis: str
) -> Float[np.ndarray, "configurations strata"]:
    """One indicator column for each combination of the other axes."""
    others = [values for name, values in axes.items() if name != axis]
    if not others:
        return np.ones((len(axes[axis]), 1))
    _, member = np.unique(np.stack(others, axis=1), axis=0, return_inverse=True)
    return np.eye(int(member.max()) + 1)[member.reshape(-1)]
