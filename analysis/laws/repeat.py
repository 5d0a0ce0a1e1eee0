"""Repeated data: unique videos U seen for several epochs count as D = U (1 + R (1 - exp(-(epochs -
1) / R))).

Source: Muennighoff et al. 2023 (arXiv 2305.16264), with R their R*_D. On their own 182 points, R is
not identified: any value from 15 to above 3,000 fits. Read its profile, never the point estimate
alone."""

import numpy as np

from analysis.estimate.jets import exp, log, logaddexp
from analysis.laws.formulas import Formulated, Parameter
from analysis.laws.registry import register

_EXPONENTS = (0.1, 0.25, 0.45, 0.8, 1.4)

REPEAT = Formulated(
    name="repeat",
    formula="L = E + A (N/N0)^-alpha + B (D/U0)^-beta,  D = U (1 + R (1 - exp(-(epochs - 1)/R)))",
    source="Muennighoff et al. 2023 (arXiv 2305.16264)",
    domain="N, U > 0, epochs >= 1",
    identifiable="three levels of epochs, the largest well above R; else R is open",
    axes=("N", "U", "epochs"),
    inside=(
        Parameter("E", scale="log"),
        Parameter("A", scale="log"),
        Parameter("B", scale="log"),
        Parameter("alpha", 0.0, 10.0, grid=_EXPONENTS),
        Parameter("beta", 0.0, 10.0, grid=_EXPONENTS),
        Parameter(
            "R", float(np.log(0.02)), float(np.log(1e5)), scale="log", grid=(-0.5, 1.0, 2.5, 4.5)
        ),
    ),
    mu=lambda p, x: logaddexp(
        logaddexp(p[0], p[1] - p[3] * x["N"]),
        p[2]
        - p[4]
        * (
            log(1.0 + exp(p[5]) * (1.0 - exp(-1.0 * (x["epochs"] - 1.0) * exp(-1.0 * p[5]))))
            + x["U"]
        ),
    ),
    shape=lambda p, x: [
        -p["alpha"] * x["N"],
        -p["beta"]
        * (x["U"] + np.log1p(np.exp(p["R"]) * -np.expm1(-(x["epochs"] - 1.0) * np.exp(-p["R"])))),
    ],
    uncentred=frozenset({"epochs"}),
    contains=frozenset({"flat"}),
    exponents={"N": "alpha", "U": "beta"},
)

register(REPEAT)
