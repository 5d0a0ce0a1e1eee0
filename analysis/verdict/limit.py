"""Does the error still fall at the end of an axis, or has it met a limit? A power law above a
floor, on configuration means.

    y = E (1 + B (x / x_end)^-alpha),        left = B / (1 + B)

`left` is the share of the last error that is still to fall; B without end is the pure power law.
Only one axis may vary: where two do, the floor along one may be what the other leaves. B is
profiled over a grid (alpha and the scale at their best values), and its interval is that of the F
test."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import Configurations, scatter_of
from analysis.verdict.covariates import strata_of, unexplained
from analysis.verdict.trend import FEWEST_LEVELS, LEVEL

_MOST_POINTS = 1000
_ALPHAS = np.geomspace(0.03, 6.0, 48)
_SHARES = np.concatenate([np.geomspace(1e-3, 0.5, 60), 1 - np.geomspace(0.5, 1e-3, 60)[1:]])


@dataclass(frozen=True)
class Limit:
    """`left` with a 95 % interval. It ends at 1 where no floor is needed."""

    left: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether a power law without a floor misses the data."""
        return self.high < 1

    def words(self, margin: float) -> str:
        """How much of the last error is still to fall, as the end of a sentence; nothing where a
        power law without a floor will do."""
        if not self.shown:
            return ""
        if self.high < margin:
            return f"; at most {self.high:.1%} of the last error is still to fall"
        span = f"between {self.low:.1%} and {self.high:.0%} of the last error is still to fall"
        return f"; {span}" if self.low > margin else f"; whether it still falls is open: {span}"


def limit(points: Configurations, *, axis: str) -> Limit | None:
    """The limit along `axis`; None where another axis varies too, with fewer than four levels,
    without freedom for noise, or beyond 1,000 configurations."""
    from scipy.stats import f as f_distribution

    x = points.axes[axis]
    others = strata_of(points.axes, axis)
    if others.shape[1] > 1 or len(np.unique(x)) < FEWEST_LEVELS or len(x) > _MOST_POINTS:
        return None
    weights = points.seeds / points.seeds.mean()
    shapes = _shapes(x / x.max())
    straight = unexplained(
        points.log_mean[None], np.column_stack([others, np.log(x)]), weights=weights
    )
    found = unexplained(
        np.concatenate([points.log_mean[None], shapes.reshape(-1, len(x))]), others, weights=weights
    )
    misses = np.sum((found.parts[0] - found.parts[1:]) ** 2, axis=1).reshape(shapes.shape[:2])
    by_share = misses.min(axis=1)
    pure = float(np.sum(straight.parts**2))
    least = min(float(by_share.min()), pure)
    freedom = len(x) - found.rank - 2
    noise = scatter_of(
        points, residual=least / freedom if freedom > 0 else None, freedom=max(freedom, 0)
    )
    if noise is None:
        return None
    most = least + noise.variance * float(f_distribution.isf(LEVEL, 1, noise.freedom))
    inside = np.flatnonzero(by_share <= most)
    if not len(inside):
        return Limit(left=1.0, low=1.0, high=1.0)
    low = _crossing(by_share, most, inside=int(inside[0]), step=-1)
    high = _crossing(by_share, most, inside=int(inside[-1]), step=1) if pure > most else 1.0
    left = float(_SHARES[by_share.argmin()]) if by_share.min() < pure else 1.0
    return Limit(left=left, low=low, high=high)


def _crossing(misses: np.ndarray, most: float, *, inside: int, step: int) -> float:
    """The share at which the misses pass `most`, between this place and its neighbour outside."""
    outside = inside + step
    if outside in {-1, len(misses)}:
        return float(_SHARES[inside])
    places = [inside, outside]
    return float(np.interp(most, misses[places], _SHARES[places]))


def _shapes(
    relative: Float[np.ndarray, " configurations"],
) -> Float[np.ndarray, "shares alphas configurations"]:
    """log y up to a constant."""
    ratio = (_SHARES / (1 - _SHARES))[:, None, None]
    return np.log1p(ratio * relative[None, None] ** -_ALPHAS[None, :, None])
