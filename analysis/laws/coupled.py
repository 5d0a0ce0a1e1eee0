"""N and D coupled: L = E + A ((N/N0)^-alpha + R (D/D0)^-beta)^k.

k = 1 is Hoffmann et al. 2022 (arXiv 2203.15556); k = alpha_D with R-term exponent 1 is Kaplan et
al. 2020 (arXiv 2001.08361). The law tests whether the two axes are separable. N0 and D0 are
geometric means of the table."""

import numpy as np

from analysis.estimate.jets import exp, logaddexp
from analysis.laws.formulas import Formulated, Parameter
from analysis.laws.registry import register

_EXPONENTS = (0.15, 0.35, 0.7, 1.2)

COUPLED = Formulated(
    name="coupled",
    formula="L = E + A ((N/N0)^-alpha + R (D/D0)^-beta)^k",
    source="Videau 2026; Kaplan et al. 2020 (arXiv 2001.08361) and Hoffmann et al. 2022 (arXiv "
    "2203.15556) are inside it",
    domain="N, D > 0",
    identifiable="five levels of N and of D in a grid; k is loose unless both terms matter at the "
    "same points",
    axes=("N", "D"),
    inside=(
        Parameter("E", scale="log"),
        Parameter("A", scale="log"),
        Parameter("R", -12.0, 12.0, scale="log", grid=(-1.5, 0.0, 1.5)),
        Parameter("alpha", 0.0, 10.0, grid=_EXPONENTS),
        Parameter("beta", 0.0, 10.0, grid=_EXPONENTS),
        Parameter(
            "k", float(np.log(0.02)), float(np.log(50.0)), scale="log", grid=(-0.7, 0.0, 0.7)
        ),
    ),
    mu=lambda p, x: logaddexp(
        p[0], p[1] + exp(p[5]) * logaddexp(-1.0 * p[3] * x["N"], p[2] - p[4] * x["D"])
    ),
    shape=lambda p, x: [
        np.exp(p["k"]) * np.logaddexp(-p["alpha"] * x["N"], p["R"] - p["beta"] * x["D"])
    ],
    levels=4,
    contains=frozenset({"flat", "power-nd-tied", "power-nd"}),
    exponents={"N": "alpha", "D": "beta"},
)

register(COUPLED)
