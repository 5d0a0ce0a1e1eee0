"""Laws of a ratio in [0, 1], such as the share of abnormal videos, with binomial likelihood.

ratio-logit: logit p = b - g log(x/x0). McCullagh and Nelder 1989; bounded like M4 of Alabdulmohsin
et al. 2022 (arXiv 2209.06640).

ratio-power: p = A (x/x0)^-g. Kang et al. 2024 (arXiv 2411.02385): the share of abnormal videos
against combinations, g about 0.8.
"""

from analysis.laws.formulas import Formulated, Parameter
from analysis.laws.registry import register

LOGIT = Formulated(
    name="ratio-logit",
    formula="logit p = b - g log(x/x0)",
    source="McCullagh and Nelder 1989",
    domain="0 <= p <= 1",
    identifiable="two levels of x that are not all 0 or all 1",
    axes=("x",),
    inside=(
        Parameter("b", -30.0, 30.0, grid=(-2.0, 0.0, 2.0)),
        Parameter("g", -20.0, 20.0, grid=(-0.5, 0.5, 1.5)),
    ),
    mu=lambda p, x: p[0] - p[1] * x["x"],
    response="ratio",
    link="logit",
    levels=2,
)

POWER = Formulated(
    name="ratio-power",
    formula="p = A (x/x0)^-g",
    source="Kang et al. 2024 (arXiv 2411.02385), table 2",
    domain="0 <= p < 1 over the table",
    identifiable="two levels of x with hits",
    axes=("x",),
    inside=(
        Parameter("A", -30.0, -1e-6, scale="log", grid=(-1.5, -0.7, -0.2)),
        Parameter("g", -20.0, 20.0, grid=(0.0, 0.5, 1.0)),
    ),
    mu=lambda p, x: p[0] - p[1] * x["x"],
    response="ratio",
    levels=2,
)

register(LOGIT, POWER)
