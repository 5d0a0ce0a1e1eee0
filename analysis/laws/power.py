"""Power laws with one, two and three terms, tied exponents and the coverage gap."""

from analysis.laws.powers import Powers, Term
from analysis.laws.registry import register

FLAT = Powers(
    name="flat",
    formula="L = E",
    source="the null: no law",
    domain="any positive response",
    identifiable="two points",
    terms=(),
    levels=1,
)

POWER = Powers(
    name="power",
    formula="L = E + A x^-alpha",
    source="Hestness et al. 2017 (arXiv 1712.00409); Henighan et al. 2020 (arXiv 2010.14701) for "
    "the floor",
    domain="x > 0, L > E >= 0",
    identifiable="three levels of x for alpha with a known floor, five and a visible bend for a "
    "free floor",
    terms=(Term("A", "alpha", "x"),),
    contains=frozenset({"flat", "power-zero"}),
)

POWER_ZERO = Powers(
    name="power-zero",
    formula="L = A x^-alpha",
    source="Hestness et al. 2017 (arXiv 1712.00409); Kaplan et al. 2020 (arXiv 2001.08361): no "
    "floor",
    domain="x > 0, L > 0, errors that more of x can bring to nothing",
    identifiable="three levels of x; a floor that is there bends the line and biases alpha down: "
    "compare with power",
    terms=(Term("A", "alpha", "x"),),
    has_floor=False,
    contains=frozenset({"flat"}),
)

POWER_ND = Powers(
    name="power-nd",
    formula="L = E + A N^-alpha + B D^-beta",
    source="Hoffmann et al. 2022 (arXiv 2203.15556), approach 3",
    domain="N, D > 0, L > E >= 0",
    identifiable="four levels of N and of D that do not move together",
    terms=(Term("A", "alpha", "N"), Term("B", "beta", "D")),
    contains=frozenset({"flat", "power-nd-tied"}),
)

POWER_ND_TIED = Powers(
    name="power-nd-tied",
    formula="L = E + A N^-alpha + B D^-alpha",
    source="Gadre et al. 2024 (arXiv 2403.08540), equal exponents",
    domain="N, D > 0, L > E >= 0",
    identifiable="three levels of compute and two of D/N",
    terms=(Term("A", "alpha", "N"), Term("B", "alpha", "D")),
    contains=frozenset({"flat"}),
)

POWER_NDC = Powers(
    name="power-ndc",
    formula="L = E + A N^-alpha + B D^-beta + G C^-gamma",
    source="physscale, after Hoffmann et al. 2022; C as in Kang et al. 2024 (arXiv 2411.02385)",
    domain="N, D, C > 0",
    identifiable="four levels of each axis, C over 1.5 decades, two seeds",
    terms=(Term("A", "alpha", "N"), Term("B", "beta", "D"), Term("G", "gamma", "C")),
    contains=frozenset({"flat", "power-nd-tied", "power-nd"}),
)

COVERAGE_GAP = Powers(
    name="power-nd-coverage-gap",
    formula="L = E + A N^-alpha + B D^-beta + G (1 - c)^gamma",
    source="physscale; the gap vanishes at full coverage c = 1",
    domain="0 < c < 1",
    identifiable="four levels of each axis; levels of c close to 1 as well as far from it",
    terms=(
        Term("A", "alpha", "N"),
        Term("B", "beta", "D"),
        Term("G", "gamma", "c", complement=1.0),
    ),
    contains=frozenset({"flat", "power-nd-tied", "power-nd"}),
)

register(FLAT, POWER, POWER_ZERO, POWER_ND, POWER_ND_TIED, POWER_NDC, COVERAGE_GAP)
