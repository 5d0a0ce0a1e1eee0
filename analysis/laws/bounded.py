"""A bounded error: between a floor and a ceiling (guessing) it is a sigmoid on logarithmic axes, M4
of Alabdulmohsin et al. 2022.

With s = (L - E) / H the share of the way from floor to ceiling: log s - k log(1 - s) = b - c
log(x/x0). Put s = 1 / (1 + e^-z): the left side rises with z, so z is found by Newton's method; two
more steps on jets give its exact first and second derivatives (implicit function). k = 1 is the
logistic curve. b far below zero is a power law, of which only H e^b is then known."""

from typing import Any

import numpy as np

from analysis.estimate.jets import Jet, exp, logaddexp, softplus
from analysis.laws.formulas import Formulated, Parameter
from analysis.laws.registry import register

_STEPS = 60


def log_share(eta: Any, k: Any) -> Any:  # noqa: ANN401 - arrays or jets, as in jets.py
    """log s where log s - k log(1 - s) = eta, for k > 0."""
    target, power = (
        value.value if isinstance(value, Jet) else np.asarray(value) for value in (eta, k)
    )
    z = np.where(target < 0, target, target / power)
    for _ in range(_STEPS):
        move = (_odds(z, power) - target) / _slope(z, power)
        z = z - move
        if np.abs(move).max() < 1e-12 * (1 + np.abs(z).max()):
            break
    share = 1 / _slope(z, power)
    found: Any = z
    for _ in range(2):
        found = found - _times(_odds(found, k) - eta, share)
    return -1.0 * softplus(-1.0 * found)


def _times(number: Any, by: np.ndarray) -> Any:  # noqa: ANN401
    """A product with one factor per row and point, which the jet's own product does not offer."""
    return (
        number.through(number.value * by, by, np.zeros_like(by))
        if isinstance(number, Jet)
        else number * by
    )


def _odds(z: Any, k: Any) -> Any:  # noqa: ANN401
    upper = softplus(z)
    return (k * upper if isinstance(upper, Jet) else _times(k, upper)) - softplus(-1.0 * z)


def _slope(z: np.ndarray, k: np.ndarray) -> np.ndarray:
    upper = 0.5 * (1 + np.tanh(0.5 * z))
    return np.asarray(1 - upper + k * upper)


BOUNDED = Formulated(
    name="bounded",
    formula="(L - E) / (E + H - L)^k = H^(1-k) e^b (x/x0)^-c",
    source="M4 of Alabdulmohsin et al. 2022 (arXiv 2209.06640)",
    domain="x > 0, E < L < E + H: an error that guessing bounds from above",
    identifiable="six levels of x that leave the ceiling and bend towards the floor; with no "
    "level near the ceiling only H e^b is known",
    axes=("x",),
    inside=(
        Parameter("E", scale="log"),
        Parameter("H", scale="log"),
        Parameter("b", -12.0, 12.0, grid=(-3.0, 0.0, 3.0)),
        Parameter("c", 0.0, 10.0, grid=(0.1, 0.3, 0.7, 1.5)),
        Parameter(
            "k", float(np.log(0.05)), float(np.log(20.0)), scale="log", grid=(-0.7, 0.0, 0.7)
        ),
    ),
    mu=lambda p, x: logaddexp(p[0], p[1] + log_share(p[2] - p[3] * x["x"], exp(p[4]))),
    shape=lambda p, x: [log_share(p["b"] - p["c"] * x["x"], np.exp(p["k"]))],
    levels=6,
    contains=frozenset({"flat", "power-zero", "power"}),
)

register(BOUNDED)
