"""Does the error still fall at the end of an axis, or has it met a limit? A power law above a
floor, on configuration means.

    y = E (1 + B (x / x_end)^-alpha),        left = B / (1 + B)

`left` is the share of the last error that is still to fall; B without end is the pure power law.
Only one axis may vary: where two do, the floor along one may be what the other leaves. B is
profiled over a grid (alpha and the scale at their best values), and its interval is that of the F
test."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import Configurations, scatter_of
from analysis.verdict.covariates import strata_of, unexplained
from analysis.verdict.trend import FEWEST_LEVELS, LEVEL

_MOST_POINTS = 1000
_ALPHAS = np.geomspace(0.03, 6.0, 48)
_FINER, _STEPS = 3, 13
"""How often a grid is refined about its best place, and into how many steps."""

_SHARES = np.concatenate([np.geomspace(1e-4, 0.5, 80), 1 - np.geomspace(0.5, 1e-3, 60)[1:]])


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
    straight = unexplained(
        points.log_mean[None], np.column_stack([others, np.log(x)]), weights=weights
    )
    least_of = partial(
        _least, relative=x / x.max(), log_mean=points.log_mean, others=others, weights=weights
    )
    shares, by_share = _profile(least_of)
    pure = float(np.sum(straight.parts**2))
    least = min(float(by_share.min()), pure)
    freedom = len(x) - 3
    noise = scatter_of(
        points, residual=least / freedom if freedom > 0 else None, freedom=max(freedom, 0)
    )
    if noise is None:
        return None
    most = least + noise.variance * float(f_distribution.isf(LEVEL, 1, noise.freedom))
    inside = np.flatnonzero(by_share <= most)
    if not len(inside):
        return Limit(left=1.0, low=1.0, high=1.0)
    first, last = int(inside[0]), int(inside[-1])
    low = _crossing(least_of, shares[[first, first - 1]], most=most) if first else 0.0
    high = 1.0
    if pure > most and last + 1 < len(shares):
        high = _crossing(least_of, shares[[last, last + 1]], most=most)
    left = float(shares[by_share.argmin()]) if by_share.min() < pure else 1.0
    return Limit(left=left, low=low, high=high)


Least = Callable[[np.ndarray], np.ndarray]


def _profile(least_of: Least) -> tuple[np.ndarray, np.ndarray]:
    """Shares in rising order and the least sum of squares at each: over the grid, and more finely
    about the best one. With quiet seeds the interval is narrower than a step of the grid."""
    shares = _SHARES
    misses = least_of(shares)
    for _ in range(_FINER):
        best = int(misses.argmin())
        ends = shares[max(best - 1, 0)], shares[min(best + 1, len(shares) - 1)]
        more = np.linspace(ends[0], ends[1], _STEPS)[1:-1]
        shares, misses = np.append(shares, more), np.append(misses, least_of(more))
        shares, first = np.unique(shares, return_index=True)
        misses = misses[first]
    return shares, misses


def _crossing(least_of: Least, ends: Float[np.ndarray, " 2"], *, most: float) -> float:
    """The share at which the misses pass `most`, from one that does not to one that does."""
    for _ in range(_FINER):
        between = np.linspace(ends[0], ends[1], _STEPS)
        beyond = int(np.argmax(least_of(between)[1:] > most)) + 1
        ends = between[[beyond - 1, beyond]]
    return float(ends[1])


def _least(
    shares: Float[np.ndarray, " shares"],
    *,
    relative: Float[np.ndarray, " configurations"],
    log_mean: Float[np.ndarray, " configurations"],
    others: Float[np.ndarray, "configurations columns"],
    weights: Float[np.ndarray, " configurations"],
) -> Float[np.ndarray, " shares"]:
    """The least sum of squares over alpha and the scale, at each share."""
    alphas = np.tile(_ALPHAS, (len(shares), 1))
    rows = np.arange(len(shares))
    least = np.full(len(shares), np.inf)
    for _ in range(1 + _FINER):
        ratio = (shares / (1 - shares))[:, None, None]
        shapes = np.log1p(ratio * relative ** -alphas[:, :, None])
        parts = unexplained(
            np.concatenate([log_mean[None], shapes.reshape(-1, len(relative))]),
            others,
            weights=weights,
        ).parts
        misses = np.sum((parts[0] - parts[1:]) ** 2, axis=1).reshape(alphas.shape)
        best = misses.argmin(axis=1)
        least = np.minimum(least, misses[rows, best])
        low = alphas[rows, np.maximum(best - 1, 0)]
        high = alphas[rows, np.minimum(best + 1, alphas.shape[1] - 1)]
        alphas = np.geomspace(low, high, _STEPS, axis=1)
    return least
