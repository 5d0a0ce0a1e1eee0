"""Profile likelihood: how far a parameter can move, all others re-fitted, before the points object.

The interval holds every value with 2 (objective - minimum) / s2 <= F(1, n - p; level). For least
squares s2 is the residual variance; for Huber it is mean(psi^2) / mean(psi') (the robust
likelihood-ratio test of Schrader and Hettmansperger 1980), for a binomial the dispersion. An
estimate at its bound, such as a floor of zero, has only one end and takes the one-sided quantile (F
at 0.90). The objective rises more slowly from a minimum on the bound: with the two-sided quantile,
99.7 % of such intervals held the truth instead of 95 %. An end that never meets the threshold is
reported as open, without a number."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.estimate.loss import Loss
from analysis.estimate.newton import Model
from analysis.estimate.trace import Trace
from analysis.laws.law import Built, Reading

_AT_BOUND = 1e-6


@dataclass(frozen=True)
class Profile:
    """The interval of one parameter. `low` or `high` is None where the profile is open. `curve`
    holds values and the excess objective / s2."""

    low: float | None
    high: float | None
    values: Float[np.ndarray, " steps"]
    excess: Float[np.ndarray, " steps"]
    threshold: float


def scale_squared(
    model: Model, loss: Loss, theta: np.ndarray, weights: np.ndarray, *, moving: int
) -> float | None:
    """s2 of the module docstring; None where no degree of freedom is left."""
    freedom = model.points - moving
    if freedom <= 0:
        return None
    derivatives = loss.derivatives(model.mu(theta[None]))
    return loss.scale_squared(derivatives, weights=weights, freedom=freedom)


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
    """The profile interval of the readable parameter `name`; None where it is frozen or no degree
    of freedom is left.

    `scale` is s2, and `freedom` its degrees of freedom.
    """
    reading = built.readings[name]
    coordinate = int(np.flatnonzero(reading.functional)[0])
    if scale is None or scale <= 0 or freedom < 1 or coordinate in built.frozen:
        return None
    threshold = threshold_of(built, theta=theta, name=name, freedom=freedom, confidence=confidence)
    trace = Trace(built, loss, theta, objective, weights, reading, coordinate, scale)
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
    """The curve at one readable value of `name`. The interval holds the value if this is at most
    the threshold."""
    reading = built.readings[name]
    coordinate = int(np.flatnonzero(reading.functional)[0])
    trace = Trace(built, loss, theta, objective, weights, reading, coordinate, scale)
    return trace.price_one(float(np.log(value)) if reading.scale == "log" else value)


def threshold_of(
    built: Built, *, theta: np.ndarray, name: str, freedom: int, confidence: float = 0.95
) -> float:
    """How far the objective may rise, in units of s2: half the F quantile. One-sided for an
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
