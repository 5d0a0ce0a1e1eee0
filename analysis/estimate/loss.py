"""The loss of a prediction: rho(mu, y), its first two derivatives in mu, and a weight that keeps
the damping matrix positive.

Huber: rho(r) = r^2/2 for |r| <= delta, else delta (|r| - delta/2), with r = mu - y on log values;
delta = inf is least squares.

Binomial: rho = -count (p log q + (1 - p) log(1 - q)), with q = expit(mu) for the link "logit" and
q = exp(mu) for the link "log".

Source: Huber 1964; log residuals as in Hoffmann et al. 2022 (arXiv 2203.15556); binomial as
McCullagh & Nelder 1989."""

from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from analysis.estimate.resampling import Resamples

_LARGEST_LOG_RATIO = -1e-9


@dataclass(frozen=True)
class Derivatives:
    """Loss of each point and what Newton's method needs: value, slope, bend (second derivative) and
    majoriser (never negative)."""

    value: Float[np.ndarray, "batch points"]
    slope: Float[np.ndarray, "batch points"]
    bend: Float[np.ndarray, "batch points"]
    majoriser: Float[np.ndarray, "batch points"]


@runtime_checkable
class Loss(Protocol):
    """A loss that holds the targets of its points."""

    @property
    def target(self) -> Float[np.ndarray, " points"] | Float[np.ndarray, "batch points"]:
        """The targets: one row for all, or one per row of the batch."""

    def rows(self, chosen: Int[np.ndarray, " chosen"]) -> "Loss":
        """The loss of these rows of the batch."""

    def value(self, mu: Float[np.ndarray, "batch points"]) -> Float[np.ndarray, "batch points"]:
        """Loss of each point."""

    def derivatives(self, mu: Float[np.ndarray, "batch points"]) -> Derivatives:
        """Loss of each point with its derivatives."""

    def scale_squared(
        self, derivatives: Derivatives, *, weights: Float[np.ndarray, " points"], freedom: int
    ) -> float:
        """s2, the unit of the objective, from the derivatives at the solution (one row)."""

    def widened(self, factor: float) -> "Loss | None":
        """An easier loss to begin with, whose minimum lies nearby; None if there is none."""

    @property
    def own_noise(self) -> Literal["counts", "few"] | None:
        """The noise that the loss itself implies; None where residuals or seeds give it."""

    def redrawn(
        self,
        mu: Float[np.ndarray, " points"],
        *,
        deviation: Float[np.ndarray, " points"],
        freedom: int,
        resamples: Resamples,
    ) -> "Loss":
        """The loss of targets drawn around mu, one row per resample. `deviation` is the standard
        deviation of a point where the loss implies none of its own."""


@dataclass(frozen=True)
class Huber:
    """Huber loss of log residuals. `delta` in log units; infinity is least squares. `target` is one
    row for all, or one per row of the batch."""

    target: Float[np.ndarray, " points"] | Float[np.ndarray, "batch points"]
    delta: float = 1e-3

    def rows(self, chosen: Int[np.ndarray, " chosen"]) -> "Huber":
        """The loss of these rows of the batch."""
        return self if self.target.ndim == 1 else Huber(self.target[chosen], self.delta)

    def value(self, mu: Float[np.ndarray, "batch points"]) -> Float[np.ndarray, "batch points"]:
        """rho(mu - target)."""
        size = np.abs(mu - self.target)
        if np.isinf(self.delta):
            return 0.5 * size * size
        inside = np.minimum(size, self.delta)
        return inside * (size - 0.5 * inside)

    def derivatives(self, mu: Float[np.ndarray, "batch points"]) -> Derivatives:
        """rho and its derivatives; the majoriser is the weight of iteratively reweighted least
        squares."""
        residual = mu - self.target
        if np.isinf(self.delta):
            ones = np.ones_like(residual)
            return Derivatives(0.5 * residual * residual, residual, ones, ones)
        size = np.abs(residual)
        inside = np.minimum(size, self.delta)
        slope = np.clip(residual, -self.delta, self.delta)
        return Derivatives(
            value=inside * (size - 0.5 * inside),
            slope=slope,
            bend=(size <= self.delta).astype(float),
            majoriser=inside / np.maximum(size, 1e-300),
        )

    def scale_squared(
        self, derivatives: Derivatives, *, weights: Float[np.ndarray, " points"], freedom: int
    ) -> float:
        """mean(psi^2) / mean(psi'): Schrader and Hettmansperger 1980."""
        bend = max(float(np.mean(derivatives.bend[0] * weights)), 1 / len(weights))
        return float(np.sum(derivatives.slope[0] ** 2 * weights) / freedom / bend)

    def widened(self, factor: float) -> "Huber | None":
        """A wider Huber loss: a narrow one is nearly an absolute value, on which Newton is slow."""
        return Huber(self.target, factor * self.delta) if np.isfinite(self.delta) else None

    @property
    def own_noise(self) -> None:
        """None: residuals or seeds give it."""
        return

    def redrawn(
        self,
        mu: Float[np.ndarray, " points"],
        *,
        deviation: Float[np.ndarray, " points"],
        freedom: int,
        resamples: Resamples,
    ) -> "Huber":
        """Log responses with noise drawn around mu."""
        return Huber(mu + resamples.noise(freedom=freedom) * deviation, self.delta)


@dataclass(frozen=True)
class Binomial:
    """Negative log likelihood of `count` trials with the fraction `target` of successes, minus its
    value at a perfect fit."""

    target: Float[np.ndarray, " points"] | Float[np.ndarray, "batch points"]
    count: Float[np.ndarray, " points"]
    link: Literal["logit", "log"] = "logit"
    saturated: np.ndarray = field(init=False, repr=False)

    def rows(self, chosen: Int[np.ndarray, " chosen"]) -> "Binomial":
        """The loss of these rows of the batch."""
        return (
            self if self.target.ndim == 1 else Binomial(self.target[chosen], self.count, self.link)
        )

    def ratio(self, mu: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """The predicted ratio."""
        return (
            1 / (1 + np.exp(-mu))
            if self.link == "logit"
            else np.exp(np.minimum(mu, _LARGEST_LOG_RATIO))
        )

    def scale_squared(
        self, derivatives: Derivatives, *, weights: Float[np.ndarray, " points"], freedom: int
    ) -> float:
        """The dispersion, at least 1."""
        pearson = derivatives.slope[0] ** 2 / np.maximum(derivatives.bend[0], 1e-300)
        return max(1.0, float(np.sum(pearson) / freedom))

    def widened(self, factor: float) -> None:
        """None: the likelihood is smooth."""
        return

    @property
    def own_noise(self) -> Literal["counts", "few"]:
        """The counts, where there are any."""
        return "counts" if np.any(self.count > 1) else "few"

    def redrawn(
        self,
        mu: Float[np.ndarray, " points"],
        *,
        deviation: Float[np.ndarray, " points"],
        freedom: int,
        resamples: Resamples,
    ) -> "Binomial":
        """Counts drawn at the predicted ratios."""
        trials = np.maximum(np.round(self.count), 1).astype(int)
        size = (resamples.draws, len(trials))
        hits = resamples.generator().binomial(trials, self.ratio(mu), size=size)
        return Binomial(hits / trials, self.count, self.link)

    def __post_init__(self) -> None:
        inside = np.clip(self.target, 1e-300, 1 - 1e-16)
        entropy = -(self.target * np.log(inside) + (1 - self.target) * np.log1p(-inside))
        object.__setattr__(self, "saturated", self.count * entropy)

    def value(self, mu: Float[np.ndarray, "batch points"]) -> Float[np.ndarray, "batch points"]:
        """Half the deviance of each point."""
        return self.derivatives(mu).value

    def derivatives(self, mu: Float[np.ndarray, "batch points"]) -> Derivatives:
        """Half the deviance and its derivatives; outside the log link's domain (q >= 1) the value
        is infinite."""
        if self.link == "logit":
            ratio = 1 / (1 + np.exp(-mu))
            bend = self.count * ratio * (1 - ratio)
            value = self.count * (np.logaddexp(0, mu) - self.target * mu) - self.saturated
            return Derivatives(value, self.count * (ratio - self.target), bend, bend)
        inside = np.minimum(mu, _LARGEST_LOG_RATIO)
        ratio = np.exp(inside)
        odds = ratio / -np.expm1(inside)
        value = (
            -self.count * (self.target * inside + (1 - self.target) * np.log(-np.expm1(inside)))
            - self.saturated
        )
        value = np.where(mu > _LARGEST_LOG_RATIO, np.inf, value)
        slope = self.count * (-self.target + (1 - self.target) * odds)
        bend = self.count * (1 - self.target) * odds * (1 + odds)
        return Derivatives(value, slope, bend, np.maximum(bend, 1e-12))
