"""A law of your own: the error falls exponentially, L = E + A exp(-r x/x0).

One file: the formula, its bounds and starts, and the words. Name the module in
`PHYSSCALE_PLUGINS`; see my_law.md."""

import numpy as np

from analysis.estimate.jets import exp, logaddexp
from analysis.laws.formulas import Formulated, Parameter
from analysis.laws.registry import register

EXPONENTIAL = Formulated(
    name="exponential",
    formula="L = E + A exp(-r x/x0)",
    source="the null hypothesis of a fast learner: every unit of x removes the same share",
    domain="x > 0, L > E >= 0",
    identifiable="four levels of x that reach the floor; else only A r is known",
    axes=("x",),
    inside=(
        Parameter("E", scale="log"),
        Parameter("A", scale="log"),
        Parameter(
            "r", float(np.log(1e-3)), float(np.log(1e3)), scale="log", grid=(-2.0, -1.0, 0.0, 1.0)
        ),
    ),
    # x["x"] is log(x/x0), with x0 the geometric mean of the table
    mu=lambda p, x: logaddexp(p[0], p[1] - exp(p[2]) * np.exp(x["x"])),
    shape=lambda p, x: [-np.exp(p["r"]) * np.exp(x["x"])],
    levels=4,
    contains=frozenset({"flat"}),
)

register(EXPONENTIAL)
