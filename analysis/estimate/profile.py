"""Profile likelihood: how far a parameter can move, all others re-fitted, before the points object.

The interval holds every value with 2 (objective - minimum) / s2 <= F(1, n - p; level). For least
squares s2 is the residual variance; for Huber it is mean(psi^2) / mean(psi') (the robust
likelihood-ratio test of Schrader and Hettmansperger 1980), for a binomial the dispersion. An
estimate at its bound, such as a floor of zero, has one end only, and so the one-sided quantile (F
at 0.90): the minimum lies on the wall, the objective rises from it more slowly, and with the
two-sided quantile 99.7 % of such intervals held the truth instead of 95 %. An end that never meets
the threshold is open and is said to be open: no number is printed for it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.estimate.affine import LossDerivatives, Newton
from analysis.estimate.loss import Huber, Loss
from analysis.estimate.newton import Box, Model, minimise, weighted
from analysis.estimate.solve import free_mask
from analysis.laws.law import Built, Reading

_POINTS_A_SIDE = 20
_PARTS = 5
_POINTS_A_ROUND = 5
_ROUNDS = 4
_FAR_LOG = 60.0
_AT_BOUND = 1e-6
_FALL = 1e-7
"""Of the objective: a hundred thousandth of a threshold, far below what an interval shows."""


@dataclass(frozen=True)
class Profile:
    """The interval of one parameter. `low` or `high` is None where the profile is open; `curve`
    holds values and excess objective / s2."""

    low: float | None
    high: float | None
    values: Float[np.ndarray, " steps"]
    excess: Float[np.ndarray, " steps"]
    threshold: float


class _Turned:
    """A model in coordinates where one of them is the functional of interest: theta = turn @
    phi."""

    def __init__(self, model: Model, turn: np.ndarray) -> None:
        self.parameters, self.points = model.parameters, model.points
        self._model, self._turn = model, turn

    def mu(self, phi: np.ndarray) -> np.ndarray:
        return self._model.mu(_times(phi, self._turn))

    def jacobian(self, phi: np.ndarray) -> np.ndarray:
        return np.einsum("pq,bpn->bqn", self._turn, self._model.jacobian(_times(phi, self._turn)))

    def newton(self, phi: np.ndarray, *, derivatives: LossDerivatives) -> Newton:
        known = self._model.newton(_times(phi, self._turn), derivatives=derivatives)
        turn = self._turn
        return Newton(
            known.gradient @ turn, turn.T @ known.hessian @ turn, turn.T @ known.damping @ turn
        )


def scale_squared(
    model: Model, loss: Loss, theta: np.ndarray, weights: np.ndarray, *, moving: int
) -> float | None:
    """s2 of the module docstring; None where no freedom is left."""
    freedom = model.points - moving
    if freedom <= 0:
        return None
    judged = loss.derivatives(model.mu(theta[None]))
    if isinstance(loss, Huber):
        bend = max(float(np.mean(judged.bend[0] * weights)), 1 / model.points)
        return float(np.sum((judged.slope[0] ** 2) * weights) / freedom / bend)
    pearson = judged.slope[0] ** 2 / np.maximum(judged.bend[0], 1e-300)
    return max(1.0, float(np.sum(pearson) / freedom))


def profile(
    built: Built,
    loss: Loss,
    *,
    theta: Float[np.ndarray, " parameters"],
    objective: float,
    weights: Float[np.ndarray, " points"],
    name: str,
    scale: float | None,
    freedom: int,
    confidence: float = 0.95,
) -> Profile | None:
    """The profile interval of the readable parameter `name`; None where it is frozen or no freedom
    is left.

    `scale` is s2 and `freedom` its degrees of freedom.
    """
    reading = built.readings[name]
    coordinate = int(np.flatnonzero(reading.functional)[0])
    if scale is None or scale <= 0 or freedom < 1 or coordinate in built.frozen:
        return None
    threshold = threshold_of(built, theta=theta, name=name, freedom=freedom, confidence=confidence)
    trace = _Trace(built, loss, theta, objective, weights, reading, coordinate, scale)
    low, high = trace.end(-1.0, threshold), trace.end(1.0, threshold)
    order = np.argsort(trace.values)
    values = reading.from_inner(np.array(trace.values)[order])
    return Profile(
        _readable(reading, low),
        None if high is None else _readable(reading, high),
        values,
        np.array(trace.excess)[order],
        threshold,
    )


def excess_at(
    built: Built,
    loss: Loss,
    *,
    theta: np.ndarray,
    objective: float,
    weights: np.ndarray,
    name: str,
    value: float,
    scale: float,
) -> float:
    """The curve at one readable value of `name`: the interval holds it if this is not above the
    threshold."""
    reading = built.readings[name]
    coordinate = int(np.flatnonzero(reading.functional)[0])
    trace = _Trace(built, loss, theta, objective, weights, reading, coordinate, scale)
    return trace.price_one(float(np.log(value)) if reading.scale == "log" else value)


def threshold_of(
    built: Built, *, theta: np.ndarray, name: str, freedom: int, confidence: float = 0.95
) -> float:
    """Half the F quantile: how far the objective may rise, in units of s2. One-sided for an
    estimate at its bound."""
    from scipy.stats import f as f_distribution

    coordinate = int(np.flatnonzero(built.readings[name].functional)[0])
    at_bound = (
        theta[coordinate] <= built.box.low[coordinate] + _AT_BOUND
        or theta[coordinate] >= built.box.high[coordinate] - _AT_BOUND
    )
    return float(f_distribution.ppf(2 * confidence - 1 if at_bound else confidence, 1, freedom)) / 2


def _readable(reading: Reading, inner: float | None) -> float | None:
    if inner is None:
        return 0.0
    return float(reading.from_inner(np.array([inner]))[0])


class _Trace:
    """Re-fits along one coordinate, remembering every point of the curve."""

    def __init__(
        self,
        built: Built,
        loss: Loss,
        theta: np.ndarray,
        objective: float,
        weights: np.ndarray,
        reading: Reading,
        coordinate: int,
        spread: float,
    ) -> None:
        turn = np.eye(len(theta))
        turn[coordinate] = -reading.functional
        turn[coordinate, coordinate] = 1.0
        inverse = np.eye(len(theta))
        inverse[coordinate] = reading.functional
        low, high = built.box.low.copy(), built.box.high.copy()
        if np.count_nonzero(reading.functional) > 1:
            low[coordinate], high[coordinate] = -np.inf, np.inf
        self._model, self._box = _Turned(built.model, turn), Box(low, high)
        self._loss, self._weights, self._objective, self._spread = loss, weights, objective, spread
        self._coordinate = coordinate
        self._best = _times(theta[None], inverse)[0]
        self._free = free_mask(built).copy()
        self._free[0, coordinate] = False
        self._tilt, self._step = self._conditional(free_mask(built)[0])
        self.values: list[float] = [float(self._best[coordinate])]
        self.excess: list[float] = [0.0]

    def _conditional(self, moving: np.ndarray) -> tuple[np.ndarray, float]:
        """How the others move with the coordinate, and the coordinate's standard error, from the
        damping matrix."""
        judged = self._loss.derivatives(self._model.mu(self._best[None]))
        w = self._weights
        known = self._model.newton(self._best[None], derivatives=weighted(self._loss, w))
        matrix = known.damping[0] + np.diag(
            np.where(moving, 1e-9 * np.trace(known.damping[0]), 1.0)
        )
        covariance = np.linalg.inv(
            np.where(moving[:, None] & moving[None], matrix, np.diag(np.diag(matrix)))
        )
        column = covariance[:, self._coordinate] * moving
        tilt = column / max(column[self._coordinate], 1e-300)
        bend = max(
            float(np.mean(judged.bend[0] * w))
            / max(float(np.mean(judged.majoriser[0] * w)), 1e-300),
            1e-6,
        )
        return tilt, float(np.sqrt(max(column[self._coordinate], 1e-300) * self._spread * bend))

    def price_one(self, at: float) -> float:
        """The excess at one value of the coordinate."""
        start = self._best + (at - self._best[self._coordinate]) * self._tilt
        return float(self._price(np.array([at]), start[None])[0][0])

    def end(self, side: float, threshold: float) -> float | None:
        """Where the curve meets the threshold on one side; None where it never does."""
        bound = (self._box.low if side < 0 else self._box.high)[self._coordinate]
        start = self._best[self._coordinate]
        reach = min(abs(bound - start), max(_FAR_LOG, 100 * self._step))
        if reach <= 0:
            return None
        crossing = self._bracket(side, threshold, reach)
        if crossing is None:
            return None
        inside, outside, nearest = crossing
        for _ in range(_ROUNDS):
            steps = inside + (outside - inside) * np.linspace(0.2, 1.0, _POINTS_A_ROUND)
            excess, found = self._price(
                start + side * steps, np.repeat(nearest[None], len(steps), axis=0)
            )
            first = (
                int(np.argmax(excess > threshold)) if (excess > threshold).any() else len(steps) - 1
            )
            outside = float(steps[first])
            if first:
                inside, nearest = float(steps[first - 1]), found[first - 1]
        return float(start + side * 0.5 * (inside + outside))

    def _bracket(
        self, side: float, threshold: float, reach: float
    ) -> tuple[float, float, np.ndarray] | None:
        """The last step inside, the first outside, and the fit at the inner one. Far steps are
        tried only if near ones stay inside."""
        start = self._best[self._coordinate]
        steps = np.geomspace(min(0.4 * self._step, reach / 2), reach, _POINTS_A_SIDE)
        inside, nearest = 0.0, self._best
        for part in np.array_split(steps, _PARTS):
            excess, found = self._price(
                start + side * part, nearest[None] + side * (part - inside)[:, None] * self._tilt
            )
            crossed = np.flatnonzero(excess > threshold)
            if len(crossed):
                first = int(crossed[0])
                return (
                    (float(part[first - 1]), float(part[first]), found[first - 1])
                    if first
                    else (inside, float(part[0]), nearest)
                )
            inside, nearest = float(part[-1]), found[-1]
        return None

    def _price(self, at: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = np.concatenate([starts, np.repeat(self._best[None], len(at), axis=0)])
        rows[:, self._coordinate] = np.concatenate([at, at])
        found = minimise(
            self._model,
            self._loss,
            rows,
            weights=self._weights[None],
            box=self._box,
            free=self._free,
            ends_below=_FALL,
        )
        half = len(at)
        first = found.objective[:half] <= found.objective[half:]
        value = np.where(first, found.objective[:half], found.objective[half:])
        theta = np.where(first[:, None], found.theta[:half], found.theta[half:])
        excess = (value - self._objective) / self._spread
        self.values.extend(at.tolist())
        self.excess.extend(excess.tolist())
        return excess, theta


def _times(phi: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """phi @ turn.T where an entry may be minus infinity (a removed floor) that must not meet a
    zero."""
    finite = np.where(np.isfinite(phi), phi, 0.0)
    return np.where(np.isfinite(phi), finite @ turn.T, phi)
