"""One smooth break: L = E + A (x/x0)^-c0 (1 + (x/d)^(1/f))^(-c1 f).

Source: broken neural scaling laws, Caballero et al. 2023 (arXiv 2210.14891). Six parameters: a
table of fewer than eight levels is refused, and a break outside the observed range cannot be seen.
d is read relative to x0, the geometric mean of the table."""

import numpy as np

from analysis.estimate.jets import exp, logaddexp, softplus
from analysis.laws.formulas import Formulated, Parameter
from analysis.laws.registry import register

BROKEN = Formulated(
    name="broken",
    formula="L = E + A (x/x0)^-c0 (1 + (x/(d x0))^(1/f))^(-c1 f)",
    source="Caballero et al. 2023 (arXiv 2210.14891)",
    domain="x > 0, one axis",
    identifiable="eight levels of x on both sides of the break",
    axes=("x",),
    inside=(
        Parameter("E", scale="log"),
        Parameter("A", scale="log"),
        Parameter("c0", 0.0, 10.0, grid=(0.05, 0.2, 0.5, 1.0)),
        Parameter("c1", -10.0, 10.0, grid=(-0.3, 0.3, 0.8)),
        Parameter("d", -14.0, 14.0, scale="log", grid=(-2.0, 0.0, 2.0)),
        Parameter("f", float(np.log(0.05)), float(np.log(3.0)), scale="log", grid=(-1.5,)),
    ),
    mu=lambda p, x: logaddexp(
        p[0], p[1] - p[2] * x["x"] - p[3] * exp(p[5]) * softplus((x["x"] - p[4]) * exp(-1.0 * p[5]))
    ),
    shape=lambda p, x: [
        -p["c0"] * x["x"]
        - p["c1"] * np.exp(p["f"]) * np.logaddexp(0.0, (x["x"] - p["d"]) * np.exp(-p["f"]))
    ],
    levels=8,
    contains=frozenset({"flat", "power-zero", "power"}),
    least_levels=8,
)

register(BROKEN)
