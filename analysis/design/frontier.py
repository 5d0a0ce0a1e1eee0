"""Compute-optimal size and data from the fitted surface; `iso_flop` does without a law.

Minimise E + A N^-alpha + B D^-beta subject to C = k N^u D^v (k, u, v from the table's own FLOP
column, or 6 N D). With r = u/v: log N* = (log(alpha A) - log(r beta B) + beta log(C/k)/v) / (alpha
+ beta r). Exponents: N* ~ C^a, a = beta / (v alpha + u beta). A video DiT's FLOPs are not 6 N D:
give the column."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import Configurations
from analysis.fit.fit import Fit
from analysis.verdict.covariates import LEAST_OWN, own_share

_FAR_LOG = 300.0


@dataclass(frozen=True)
class Cost:
    """C = scale N^of_n D^of_d."""

    scale: float = 6.0
    of_n: float = 1.0
    of_d: float = 1.0

    def flops(
        self, n: Float[np.ndarray, " points"], d: Float[np.ndarray, " points"]
    ) -> Float[np.ndarray, " points"]:
        """Training cost."""
        return self.scale * n**self.of_n * d**self.of_d


def cost_of(
    n: Float[np.ndarray, " runs"],
    d: Float[np.ndarray, " runs"],
    flops: Float[np.ndarray, " runs"] | None,
) -> Cost:
    """The power law of the table's FLOP column; 6 N D without one."""
    if flops is None:
        return Cost()
    design = np.column_stack([np.ones(len(n)), np.log(n), np.log(d)])
    found = np.linalg.lstsq(design, np.log(flops), rcond=None)[0]
    return Cost(float(np.exp(found[0])), float(found[1]), float(found[2]))


@dataclass(frozen=True)
class Frontier:
    """N* and D* at each budget with 80 and 95 % bands, the exponent of N*(C), and the loss penalty
    of following the estimate (95th percentile)."""

    budgets: Float[np.ndarray, " budgets"]
    n: Float[np.ndarray, " budgets"]
    d: Float[np.ndarray, " budgets"]
    n_band80: Float[np.ndarray, "2 budgets"]
    n_band95: Float[np.ndarray, "2 budgets"]
    d_band95: Float[np.ndarray, "2 budgets"]
    exponent: float
    exponent_se: float
    exponent_low: float
    exponent_high: float
    penalty: Float[np.ndarray, " budgets"]


def on_one_line(points: Configurations) -> bool:
    """Whether N and D move together, as at D = 20 N. Such runs lie on one line of the plane, and a
    frontier would come from the law's formula alone."""
    plane = replace(points, axes={axis: points.axes[axis] for axis in ("N", "D")})
    return own_share(plane, axis="N") < LEAST_OWN


def frontier(fitted: Fit, *, budgets: Float[np.ndarray, " budgets"], cost: Cost) -> Frontier:
    """The frontier of a fitted law that has a surface, with its bootstrap draws."""
    point = _terms(fitted, fitted.solution.theta[None])
    draws = _terms(fitted, fitted.draws)
    n, d = _optimum(point, budgets, cost)
    n_draws, d_draws = _optimum(draws, budgets, cost)
    exponents = _exponent(draws, cost)
    low, high = np.quantile(exponents, [0.025, 0.975])
    return Frontier(
        budgets=budgets,
        n=n[0],
        d=d[0],
        n_band80=np.quantile(n_draws, [0.1, 0.9], axis=0),
        n_band95=np.quantile(n_draws, [0.025, 0.975], axis=0),
        d_band95=np.quantile(d_draws, [0.025, 0.975], axis=0),
        exponent=float(_exponent(point, cost)[0]),
        exponent_se=float(exponents.std(ddof=1)) if len(exponents) > 1 else float("nan"),
        exponent_low=float(low),
        exponent_high=float(high),
        penalty=np.quantile(_loss(draws, n, d) / _loss(draws, n_draws, d_draws) - 1, 0.95, axis=0),
    )


def _terms(fitted: Fit, theta: np.ndarray) -> dict[str, np.ndarray]:
    """E, A, alpha, B and beta of each row, whatever the law calls them."""
    surface, found = fitted.law.surface, fitted.built.external(theta)
    assert surface is not None, f"law {fitted.law.name} has no surface"
    return {
        "E": found["E"] if fitted.law.has_floor else np.zeros(len(theta)),
        "A": found[surface.amplitude_n],
        "alpha": found[surface.exponent_n],
        "B": found[surface.amplitude_d],
        "beta": found[surface.exponent_d],
    }


def _optimum(
    p: dict[str, np.ndarray], budgets: np.ndarray, cost: Cost
) -> tuple[np.ndarray, np.ndarray]:
    ratio = cost.of_n / cost.of_d
    room = np.log(budgets / cost.scale)[None] / cost.of_d
    alpha, beta = (np.maximum(p[name], 1e-9)[:, None] for name in ("alpha", "beta"))
    log_n = (
        np.log(alpha)
        + _log(p["A"])[:, None]
        - np.log(ratio * beta)
        - _log(p["B"])[:, None]
        + beta * room
    ) / (alpha + beta * ratio)
    log_d = room - ratio * log_n
    # A draw without an optimum (a zero amplitude or exponent) diverges: clip it at the largest
    # numbers, so that no warning follows.
    return np.exp(np.clip(log_n, -_FAR_LOG, _FAR_LOG)), np.exp(np.clip(log_d, -_FAR_LOG, _FAR_LOG))


def _log(amplitude: np.ndarray) -> np.ndarray:
    return np.log(np.clip(amplitude, np.exp(-_FAR_LOG), np.exp(_FAR_LOG)))


def _exponent(p: dict[str, np.ndarray], cost: Cost) -> np.ndarray:
    return p["beta"] / np.maximum(cost.of_d * p["alpha"] + cost.of_n * p["beta"], 1e-12)


def _loss(p: dict[str, np.ndarray], n: np.ndarray, d: np.ndarray) -> np.ndarray:
    of_n = np.minimum(_log(p["A"])[:, None] - p["alpha"][:, None] * np.log(n), _FAR_LOG)
    of_d = np.minimum(_log(p["B"])[:, None] - p["beta"][:, None] * np.log(d), _FAR_LOG)
    return p["E"][:, None] + np.exp(of_n) + np.exp(of_d)
