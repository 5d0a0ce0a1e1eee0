"""The curve of a profile likelihood: re-fits of all other parameters along one of them."""

import numpy as np

from analysis.estimate.affine import LossDerivatives, Newton
from analysis.estimate.loss import Loss
from analysis.estimate.newton import Box, Model, minimise, weighted
from analysis.estimate.solve import free_mask
from analysis.laws.law import Built, Reading

_POINTS_A_SIDE = 20
_PARTS = 5
_POINTS_A_ROUND = 5
_ROUNDS = 4
_FAR_LOG = 60.0
_FALL = 1e-7
"""Tolerance of the objective: a hundred-thousandth of a threshold, far below what an interval
shows."""


class Trace:
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
        derivatives = self._loss.derivatives(self._model.mu(self._best[None]))
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
            float(np.mean(derivatives.bend[0] * w))
            / max(float(np.mean(derivatives.majoriser[0] * w)), 1e-300),
            1e-6,
        )
        return tilt, float(np.sqrt(max(column[self._coordinate], 1e-300) * self._spread * bend))

    def price_one(self, at: float) -> float:
        """The excess objective at one value of the coordinate."""
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
        """The last step inside the threshold, the first outside, and the fit at the inner one. Far
        steps are tried only if near ones stay inside."""
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


class _Turned:
    """A model in coordinates of which one is the functional of interest: theta = turn @ phi."""

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


def _times(phi: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """phi @ turn.T, where an entry may be minus infinity (a removed floor), which must not be
    multiplied by zero."""
    finite = np.where(np.isfinite(phi), phi, 0.0)
    return np.where(np.isfinite(phi), finite @ turn.T, phi)
