"""The over-training prediction of Gadre et al. 2024 (arXiv 2403.08540): five small runs on
RedPajama predict the two largest.

The law is theirs, with equal exponents, and so are errors of the loss itself instead of its
logarithm (relative errors give 1.1 %). The five runs are the four small models at 20 tokens a
parameter and the smallest at 320."""

from analysis.fit.fit import fit
from analysis.laws.registry import law_named
from tests.golden.analysis.reference import column, rows

LOSS = "loss_c4_val"
SMALL = {
    ("d=96_l=8_h=4", 1.0),
    ("d=512_l=8_h=4", 1.0),
    ("d=576_l=24_h=8", 1.0),
    ("d=1024_l=24_h=8", 1.0),
    ("d=96_l=8_h=4", 16.0),
}
LARGE = {"open_lm_1b_M640": ("open_lm_1b", 32.0), "open_lm_7b_M20": ("open_lm_7b", 1.0)}


def relative_errors() -> dict[str, float]:
    """|predicted / measured - 1| of the two large runs."""
    table = [row for row in rows("gadre_overtraining_104.csv") if row["train_set"] == "rpj"]
    by_key = {(row["model"], float(row["cc_mult"])): row for row in table}
    small = [by_key[key] for key in sorted(SMALL)]
    axes = {"N": column(small, "N"), "D": column(small, "D")}
    found = fit(
        law_named("power-nd-tied"),
        columns=axes,
        response=column(small, LOSS),
        delta=float("inf"),
        bootstrap=0,
        with_profile=False,
        errors="absolute",
    )
    errors = {}
    for name, key in LARGE.items():
        one = [by_key[key]]
        predicted = found.predict({"N": column(one, "N"), "D": column(one, "D")})[0]
        errors[name] = abs(float(predicted / column(one, LOSS)[0]) - 1)
    return errors
