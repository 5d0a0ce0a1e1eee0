"""Batched damped Newton with box bounds. Starts, resamples and frozen coordinates are rows of one
batch.

Each row solves min_theta sum_i w_i rho(mu_i(theta)). Step = -(H + damping M)^-1 g with the exact
Hessian H and the reweighted-least-squares matrix M >= 0. A row's step is taken only if its
objective falls, so the objective never rises. A row ends when its Newton step predicts a fall below
rounding, not when an optimiser reports success."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from analysis.estimate.affine import LossDerivatives, Newton
from analysis.estimate.loss import Derivatives, Loss

MAX_ITERATIONS = 300
_NUMBERS_AT_ONCE = 20_000
"""Rows times points of one batch, chosen to stay in cache."""
RELATIVE_FALL = 1e-12
_LARGEST_DAMPING = 1e9


@runtime_checkable
class Model(Protocol):
    """Log prediction with derivatives."""

    parameters: int
    points: int

    def mu(self, theta: Float[np.ndarray, "batch parameters"]) -> Float[np.ndarray, "batch points"]:
        """Log prediction (or linear predictor) of each point."""

    def jacobian(
        self, theta: Float[np.ndarray, "batch parameters"]
    ) -> Float[np.ndarray, "batch parameters points"]:
        """Its first derivatives."""

    def newton(
        self, theta: Float[np.ndarray, "batch parameters"], *, derivatives: LossDerivatives
    ) -> Newton:
        """Derivatives of a summed loss."""


@dataclass(frozen=True)
class Box:
    """Bounds of each parameter, inclusive. An optimum at a bound is reported, never hidden."""

    low: Float[np.ndarray, " parameters"]
    high: Float[np.ndarray, " parameters"]


@dataclass(frozen=True)
class Minima:
    """Where each row ended: parameters, objective, Newton steps, remaining predicted relative
    fall."""

    theta: Float[np.ndarray, "batch parameters"]
    objective: Float[np.ndarray, " batch"]
    iterations: Int[np.ndarray, " batch"]
    remaining: Float[np.ndarray, " batch"]


def minimise(
    model: Model,
    loss: Loss,
    theta: Float[np.ndarray, "batch parameters"],
    *,
    weights: Float[np.ndarray, "rows points"],
    box: Box,
    free: Bool[np.ndarray, "free_rows parameters"],
    most: int = MAX_ITERATIONS,
    ends_below: float = RELATIVE_FALL,
) -> Minima:
    """Minimise every row from its own start, in at most `most` steps. `weights` and `free` have one
    row, or one row per start.

    A row ends when its Newton step predicts a relative fall of the objective below `ends_below`.
    """
    rows = len(theta)
    parts = []
    at_once = max(1, _NUMBERS_AT_ONCE // model.points)
    for first in range(0, rows, at_once):
        part = slice(first, min(first + at_once, rows))
        weight = weights if len(weights) == 1 else weights[part]
        mask = np.broadcast_to(free, (rows, model.parameters))[part]
        rows_here = np.arange(rows)[part]
        parts.append(
            _minimise(
                model,
                loss.rows(rows_here),
                np.clip(theta[part], box.low, box.high),
                weight,
                box,
                mask,
                most,
                ends_below,
            )
        )
    return Minima(
        theta=np.concatenate([part.theta for part in parts]),
        objective=np.concatenate([part.objective for part in parts]),
        iterations=np.concatenate([part.iterations for part in parts]),
        remaining=np.concatenate([part.remaining for part in parts]),
    )


def _minimise(
    model: Model,
    loss: Loss,
    theta: np.ndarray,
    weights: np.ndarray,
    box: Box,
    free: np.ndarray,
    most: int,
    ends_below: float,
) -> Minima:
    rows = len(theta)
    weights = np.broadcast_to(weights, (rows, model.points))
    objective = np.einsum("bn,bn->b", loss.value(model.mu(theta)), weights)
    damping = np.full(rows, 1e-2)
    iterations = np.zeros(rows, dtype=np.int64)
    remaining = np.full(rows, np.inf)
    active = np.arange(rows)
    known: Newton | None = None
    for _ in range(most):
        if known is None:
            known = _derivatives(model, loss.rows(active), theta[active], weights[active])
        step, predicted = _step(known, theta[active], damping[active], box, free[active])
        trial = np.clip(theta[active] + step, box.low, box.high)
        value = np.einsum("bn,bn->b", loss.rows(active).value(model.mu(trial)), weights[active])
        with np.errstate(
            invalid="ignore"
        ):  # from outside the domain to outside it: no number, so no step
            fall = objective[active] - value
        better = fall > 0
        theta[active[better]] = trial[better]
        remaining[active] = predicted / np.maximum(objective[active], 1e-300)
        objective[active[better]] = value[better]
        iterations[active] += 1
        damping[active] = _adapt(damping[active], fall, predicted)
        # A step too small to change the objective at full trust is the end; at low trust, trust
        # more first.
        done = ((remaining[active] < ends_below) & (damping[active] <= 1e-2)) | (
            damping[active] > _LARGEST_DAMPING
        )
        keep = ~done
        if not keep.any():
            break
        known = None if (better & keep).any() or done.any() else known
        active = active[keep]
    return Minima(theta, objective, iterations, remaining)


def _derivatives(model: Model, loss: Loss, theta: np.ndarray, weights: np.ndarray) -> Newton:
    return model.newton(theta, derivatives=weighted(loss, weights))


def weighted(loss: Loss, weights: Float[np.ndarray, "*rows points"]) -> LossDerivatives:
    """The loss's derivatives times the weights."""

    def derivatives(mu: np.ndarray) -> Derivatives:
        found = loss.derivatives(mu)
        return Derivatives(
            found.value, found.slope * weights, found.bend * weights, found.majoriser * weights
        )

    return derivatives


def _step(
    known: Newton, theta: np.ndarray, damping: np.ndarray, box: Box, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    blocked = ((theta <= box.low) & (known.gradient > 0)) | (
        (theta >= box.high) & (known.gradient < 0)
    )
    mask = free & ~blocked
    gradient = known.gradient * mask
    both = mask[:, :, None] & mask[:, None, :]
    scale = np.einsum("bpp->bp", known.damping)
    floor = 1e-12 * np.maximum(scale.max(axis=1, keepdims=True), 1e-300)
    shift = damping[:, None, None] * known.damping
    matrix = np.where(both, known.hessian + shift, 0.0)
    diagonal = np.arange(matrix.shape[1])
    matrix[:, diagonal, diagonal] += np.where(mask, damping[:, None] * scale * 1e-3 + floor, 1.0)
    step = _solve(matrix, -gradient)
    predicted = -(step * gradient).sum(axis=1) - 0.5 * np.einsum(
        "bp,bpq,bq->b", step, known.hessian * both, step
    )
    uphill = (step * gradient).sum(axis=1) > 0
    step[uphill] = 0.0
    predicted = np.where(uphill, np.inf, np.abs(predicted))
    return step, predicted


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.maximum(np.abs(np.einsum("bpp->bp", matrix)), 1e-300))
    scaled = matrix / size[:, :, None] / size[:, None, :]
    try:
        return np.linalg.solve(scaled, (right / size)[:, :, None])[:, :, 0] / size
    except np.linalg.LinAlgError:
        scaled[:, np.arange(matrix.shape[1]), np.arange(matrix.shape[1])] += 1e-9
        return np.linalg.solve(scaled, (right / size)[:, :, None])[:, :, 0] / size


def _adapt(damping: np.ndarray, fall: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    trust = fall / np.maximum(predicted, 1e-300)
    factor = np.where(trust > 0.75, 0.1, np.where(trust > 0.25, 0.5, np.where(fall > 0, 2.0, 8.0)))
    return np.maximum(damping * factor, 1e-10)
