"""Global fit and bootstrap: polish every start, screen all optima for all resamples with one matrix
product, polish the best.

A resample is a row of weights, never a copy of the points: `losses (candidates x points) @ weights
(points x resamples)` evaluates every candidate for every resample at once. A last round does the
same with the optima of the resamples, which frees rows that stopped in a local minimum."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.estimate.loss import Loss
from analysis.estimate.newton import Minima, minimise, weighted
from analysis.laws.law import Built

"""A loss with one row of targets per draw."""
SAME_OPTIMUM = 1e-3
_WIDER = 30.0
_WALK = 60
_SECOND_LOOK = 400
_WORTH_A_RETRY = 1e-9


@dataclass(frozen=True)
class Solution:
    """The global optimum and the evidence for it."""

    theta: Float[np.ndarray, " parameters"]
    objective: float
    optima: Minima
    starts: Float[np.ndarray, "starts parameters"]
    gradient: float
    condition: float
    moved: float

    @property
    def share_at_optimum(self) -> float:
        """Share of the starts that ended within 0.1 % of the best objective."""
        return float(np.mean(self.optima.objective <= self.objective * (1 + SAME_OPTIMUM) + 1e-15))


def free_mask(built: Built) -> np.ndarray:
    """Which internal parameters move, as one row."""
    mask = np.ones((1, built.model.parameters), dtype=bool)
    mask[0, list(built.frozen)] = False
    return mask


def solve(
    built: Built,
    loss: Loss,
    *,
    starts: Float[np.ndarray, "starts parameters"],
    weights: Float[np.ndarray, " points"],
) -> Solution:
    """Minimise from every start and keep the best.

    Starts first descend on an easier loss, where there is one."""
    near = starts.copy()
    wide = loss.widened(_WIDER)
    if wide is not None and len(starts) > 1:
        near = minimise(
            built.model,
            wide,
            near,
            weights=weights[None],
            box=built.box,
            free=free_mask(built),
            most=_WALK,
        ).theta
    optima = minimise(
        built.model, loss, near, weights=weights[None], box=built.box, free=free_mask(built)
    )
    best = int(np.argmin(optima.objective))
    theta = optima.theta[best]
    gradient, condition = _evidence(built, loss, theta, weights)
    begun = np.clip(starts[best], built.box.low, built.box.high)
    moving = np.abs(theta - begun)[free_mask(built)[0]]
    return Solution(
        theta=theta,
        objective=float(optima.objective[best]),
        optima=optima,
        starts=starts,
        gradient=gradient,
        condition=condition,
        moved=float(moving.max()) if len(moving) else 0.0,
    )


def resample(
    built: Built,
    loss: Loss,
    *,
    solution: Solution,
    weights: Float[np.ndarray, "resamples points"],
    rounds: int = 1,
) -> Minima:
    """The optimum for every row of weights."""
    order = np.argsort(solution.optima.objective, kind="stable")
    candidates = np.concatenate([solution.optima.theta[order], solution.starts])
    candidates = _unique(np.clip(candidates, built.box.low, built.box.high))
    found = minimise(
        built.model,
        loss,
        candidates[_cheapest(built, loss, candidates, weights)[0]].copy(),
        weights=weights,
        box=built.box,
        free=free_mask(built),
    )
    for _ in range(rounds):
        found = _second_look(built, loss, found, weights)
    return found


def redraw(
    built: Built, drawn: Loss, *, solution: Solution, weights: Float[np.ndarray, " points"]
) -> Minima:
    """The optimum for every row of targets (parametric bootstrap), each from the best of all optima
    and starts for that row."""
    candidates = np.concatenate([solution.theta[None], solution.optima.theta, solution.starts])
    candidates = _unique(np.clip(candidates, built.box.low, built.box.high))
    mu = built.model.mu(candidates)
    best = []
    for row in range(len(drawn.target)):
        prices = drawn.rows(np.array([row])).value(mu) @ weights
        best.append(int(prices.argmin()))
    return minimise(
        built.model,
        drawn,
        candidates[best].copy(),
        weights=weights[None],
        box=built.box,
        free=free_mask(built),
    )


def _second_look(built: Built, loss: Loss, found: Minima, weights: np.ndarray) -> Minima:
    spread = np.unique(np.linspace(0, len(weights) - 1, _SECOND_LOOK).astype(int))
    best, price = _cheapest(built, loss, found.theta[spread], weights)
    stuck = np.flatnonzero(price < found.objective * (1 - _WORTH_A_RETRY))
    if not len(stuck):
        return found
    start = found.theta[spread][best[stuck]].copy()
    again = minimise(
        built.model, loss, start, weights=weights[stuck], box=built.box, free=free_mask(built)
    )
    theta, objective = found.theta.copy(), found.objective.copy()
    better = again.objective < objective[stuck]
    theta[stuck[better]], objective[stuck[better]] = again.theta[better], again.objective[better]
    return Minima(theta, objective, found.iterations, found.remaining)


def _cheapest(
    built: Built, loss: Loss, candidates: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    losses = loss.value(built.model.mu(candidates))
    prices = losses @ weights.T
    best = np.argmin(prices, axis=0)
    return best, prices[best, np.arange(len(weights))]


def _unique(theta: np.ndarray) -> np.ndarray:
    rounded = np.where(np.isfinite(theta), np.round(theta, 4), -1e9)
    _, first = np.unique(rounded, axis=0, return_index=True)
    return theta[np.sort(first)]


def _evidence(
    built: Built, loss: Loss, theta: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """Gradient relative to the largest that the points could give (0 is flat, 1 is a start), and
    the Hessian's condition number."""
    known = built.model.newton(theta[None], derivatives=weighted(loss, weights))
    derivatives = loss.derivatives(built.model.mu(theta[None]))
    inside = free_mask(built)[0] & (theta > built.box.low) & (theta < built.box.high)
    if not inside.any():
        return 0.0, 1.0
    jacobian = built.model.jacobian(theta[None])[0]
    possible = np.abs(jacobian) @ np.abs(derivatives.slope[0] * weights)
    gradient = float(
        np.max(np.abs(known.gradient[0][inside]) / np.maximum(possible[inside], 1e-300))
    )
    damping = known.damping[0][np.ix_(inside, inside)]
    size = np.sqrt(np.maximum(np.diag(damping), 1e-300))
    return gradient, float(np.linalg.cond(damping / size[:, None] / size[None, :]))
