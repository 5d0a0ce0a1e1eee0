"""Which runs come next: greedy optimal design for one parameter. Each added run is the one that
reduces its variance most per FLOP.

Information of a configuration: j j' / s2, with j the gradient of the log prediction at the fit;
variance of a parameter = c' M^-1 c. Candidates: a grid over the observed range and one log-range
step beyond it (extrapolation is where exponents and floors differ). A configuration is planned at
most three times: more seeds cannot average out the scatter between configurations.
"""

from dataclasses import dataclass

import numpy as np

from analysis.design.frontier import Cost
from analysis.estimate.solve import free_mask
from analysis.fit.fit import Fit
from physscale.records.errors import UserError

_PER_AXIS = 7
_BEYOND = 0.5
_MOST_RUNS = 200
_MOST_SEEDS = 3


@dataclass(frozen=True)
class Plan:
    """The runs in order of worth, and the standard error before and after."""

    parameter: str
    runs: list[dict[str, float]]
    flops: float
    se_before: float
    se_after: float


def plan_next(fitted: Fit, *, parameter: str, budget: float, cost: Cost) -> Plan:
    """Runs of at most `budget` FLOPs in total that narrow the interval of `parameter`.

    Raises:
        UserError: for an unknown parameter, or a budget below the cheapest candidate.
    """
    if parameter not in fitted.built.readings:
        raise UserError(
            f"--parameter {parameter!r}: law {fitted.law.name} has "
            f"{', '.join(fitted.built.readings)}"
        )
    candidates = _candidates(fitted)
    price = (
        cost.flops(candidates["N"], candidates["D"])
        if {"N", "D"} <= set(candidates)
        else np.ones(len(next(iter(candidates.values()))))
    )
    moving = free_mask(fitted.built)[0]
    functional = fitted.built.readings[parameter].functional[moving]
    spread = fitted.noise.variance or 1.0
    seen = fitted.built.model.jacobian(fitted.solution.theta[None])[0][moving]
    information = (seen * fitted.weights) @ seen.T / spread + 1e-9 * np.eye(len(functional))
    new = _gradient(fitted, candidates)[moving]
    before = after = float(functional @ np.linalg.solve(information, functional))
    runs: list[dict[str, float]] = []
    spent, taken = 0.0, np.zeros(len(price))
    while len(runs) < _MOST_RUNS:
        inverse = np.linalg.inv(information)
        affordable = (price <= budget - spent) & (taken < _MOST_SEEDS)
        if not affordable.any():
            break
        gain = (functional @ inverse @ new) ** 2 / (
            spread + np.einsum("pc,pq,qc->c", new, inverse, new)
        )
        best = int(np.argmax(np.where(affordable, gain / price, -1.0)))
        information = information + np.outer(new[:, best], new[:, best]) / spread
        after = float(functional @ np.linalg.solve(information, functional))
        spent += float(price[best])
        taken[best] += 1
        runs.append(
            {name: float(values[best]) for name, values in candidates.items()}
            | {"flops": float(price[best])}
        )
    if not runs:
        raise UserError(
            f"--budget {budget:g}: the cheapest candidate run costs {float(price.min()):.3g} FLOPs"
        )
    return Plan(parameter, runs, spent, float(np.sqrt(before)), float(np.sqrt(after)))


def _candidates(fitted: Fit) -> dict[str, np.ndarray]:
    ranges = []
    for axis in fitted.law.axes:
        logs = np.log(fitted.points.axes[axis])
        ranges.append(
            np.exp(np.linspace(logs.min(), logs.max() + _BEYOND * np.ptp(logs), _PER_AXIS))
        )
    grid = np.meshgrid(*ranges, indexing="ij")
    return {axis: values.ravel() for axis, values in zip(fitted.law.axes, grid, strict=True)}


def _gradient(fitted: Fit, at: dict[str, np.ndarray]) -> np.ndarray:
    """d log prediction / d theta at new axes, by central differences."""
    theta = fitted.solution.theta
    rows = []
    for place in range(len(theta)):
        step = np.zeros(len(theta))
        step[place] = 1e-5
        if not np.isfinite(theta[place]):
            rows.append(np.zeros(len(next(iter(at.values())))))
            continue
        up, down = fitted.built.predict(np.stack([theta + step, theta - step]), at)
        rows.append((np.log(up) - np.log(down)) / 2e-5)
    return np.array(rows)
