"""Did the fit converge, and can its numbers be believed? The checks never rely on an optimiser's
own report of success.

They catch faults of published fits: a start point returned as the answer (nfev = 1,
`success=True`), the identity matrix as a covariance (L-BFGS `hess_inv` after no step), a parameter
at its bound, an exponent whose interval is open."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import Configurations
from analysis.estimate.loss import Loss
from analysis.estimate.profile import Profile
from analysis.estimate.solve import Solution, free_mask
from analysis.estimate.uncertainty import HUBER_EFFICIENT
from analysis.laws.law import Built, Law

SMALL_GRADIENT = 1e-5
_AT_BOUND = 1e-6
_FEW_AT_OPTIMUM = 0.02
_CORRELATED = 0.98
_UNMOVED = 1e-9
_FAR_OFF = 10.0


@dataclass(frozen=True)
class Convergence:
    """The evidence: starts, the share that reached the optimum, gradient (0 is flat, 1 is a start),
    condition, distance moved, iterations, bounds hit."""

    starts: int
    share_at_optimum: float
    gradient: float
    condition: float
    moved: float
    iterations: int
    bounds_hit: tuple[str, ...]

    @property
    def converged(self) -> bool:
        """Whether the gradient is flat and the answer is not the start point."""
        return self.gradient < SMALL_GRADIENT and self.moved > _UNMOVED


def convergence(
    built: Built, loss: Loss, solution: Solution, *, weights: Float[np.ndarray, " points"]
) -> Convergence:
    """The evidence for a solution."""
    best = int(np.argmin(solution.optima.objective))
    return Convergence(
        starts=len(solution.starts),
        share_at_optimum=solution.share_at_optimum,
        gradient=solution.gradient,
        condition=solution.condition,
        moved=solution.moved,
        iterations=int(solution.optima.iterations[best]),
        bounds_hit=bounds_hit(built, solution.theta),
    )


def bounds_hit(built: Built, theta: Float[np.ndarray, " parameters"]) -> tuple[str, ...]:
    """Names of free parameters at a bound; a fixed floor does not count."""
    moving = free_mask(built)[0]
    at = (theta <= built.box.low + _AT_BOUND) | (theta >= built.box.high - _AT_BOUND)
    return tuple(
        name for name, hit, free in zip(built.internal, at, moving, strict=True) if hit and free
    )


def suspect_covariance(covariance: Float[np.ndarray, "parameters parameters"]) -> str | None:
    """Why this matrix cannot be the covariance of an estimate, or None."""
    if not np.isfinite(covariance).all():
        return "covariance is not finite"
    if np.allclose(covariance, covariance[0, 0] * np.eye(len(covariance)), rtol=1e-9, atol=0.0):
        return (
            "covariance is a multiple of the identity: an optimiser's start value, not an estimate"
        )
    smallest = float(np.linalg.eigvalsh((covariance + covariance.T) / 2)[0])
    if smallest < -1e-9 * float(np.trace(covariance)):
        return "covariance is not positive: the fit is not at a minimum"
    return None


def doubts(
    law: Law,
    built: Built,
    points: Configurations,
    *,
    evidence: Convergence,
    found: Mapping[str, Profile],
    draws: Float[np.ndarray, "resamples parameters"],
) -> list[str]:
    """Warnings in words, worst first."""
    moving = int(free_mask(built).sum())
    words = []
    if evidence.gradient >= SMALL_GRADIENT:
        words.append(f"not converged: relative gradient {evidence.gradient:.1g}")
    if evidence.moved <= _UNMOVED and moving > 1:
        words.append("not moved from its start: the answer is the start point")
    if evidence.bounds_hit:
        words.append(f"at a bound: {', '.join(evidence.bounds_hit)}")
    if evidence.share_at_optimum < _FEW_AT_OPTIMUM:
        words.append(f"only {evidence.share_at_optimum:.1%} of the starts reached the optimum")
    if len(points.log_mean) == moving and moving > 1:
        words.append(
            "as many parameters as configurations: the law passes through every point, nothing is "
            "tested"
        )
    words += [
        f"open interval: {name}"
        for name, curve in found.items()
        if (curve.low is None or curve.high is None)
    ]
    words += _levels(law, points)
    if len(draws) > 10:
        spread = draws[:, free_mask(built)[0]]
        if (
            np.isfinite(spread).all()
            and spread.shape[1] > 1
            and (problem := suspect_covariance(np.cov(spread.T))) is not None
        ):
            words.append(problem)
    return words


def outliers(
    built: Built,
    points: Configurations,
    theta: Float[np.ndarray, " parameters"],
    *,
    delta: float | None,
) -> list[str]:
    """The configuration furthest from the law and how many are far, in words. `delta` is the one
    that was estimated; None and infinity, without a robust scale, tell nothing."""
    if delta is None or not np.isfinite(delta):
        return []
    residual = points.log_mean - built.model.mu(theta[None])[0]
    far = np.abs(residual) > _FAR_OFF / HUBER_EFFICIENT * delta
    if not far.any():
        return []
    worst = int(np.argmax(np.abs(residual)))
    place = ", ".join(f"{axis}={values[worst]:g}" for axis, values in points.axes.items())
    are = "lies" if far.sum() == 1 else "lie"
    return [
        f"{far.sum()} of {len(far)} configurations {are} more than {_FAR_OFF:g} sd from the law; "
        f"the furthest ({place}) is {np.exp(residual[worst]):.3g} times its value: check those runs"
    ]


def _levels(law: Law, points: Configurations) -> list[str]:
    words = []
    for axis in law.axes:
        levels = len(np.unique(points.axes[axis]))
        if levels < law.levels:
            words.append(f"axis {axis} has {levels} levels, law {law.name} asks for {law.levels}")
    logs = [
        np.log(points.axes[axis])
        for axis in law.axes
        if axis in points.axes and len(np.unique(points.axes[axis])) > 1
    ]
    if len(logs) > 1 and np.any(np.abs(np.corrcoef(logs) - np.eye(len(logs))) > _CORRELATED):
        words.append(
            "axes move together (correlation of their logarithms above 0.98): their exponents "
            "cannot be told apart"
        )
    return words
