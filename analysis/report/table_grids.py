"""The tables in the report on any table of runs: verdicts, parameters, sensitivity, hold-out,
frontier."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.design.exponent import estimates
from analysis.design.frontier import cost_of
from analysis.figures.iso_flops import scientific
from analysis.figures.style import short_number
from analysis.fit.splits import SplitFit
from analysis.report.tables import VERDICT_HEADS, Cell, Grid, p_cell
from analysis.verdict.verdict import Verdict

_BUDGETS = 5


def verdict_grid(parts: Sequence[SplitFit]) -> Grid:
    """One row per split and axis."""
    heads = ("split", "axis", *VERDICT_HEADS, "levels", "seeds to decide")
    rows = []
    for part in parts:
        rows += [_verdict_row(part.name or "all", verdict) for verdict in part.verdicts]
    return Grid("verdicts", heads, rows, "Verdicts")


def _verdict_row(split: str, verdict: Verdict) -> tuple[Cell, ...]:
    per_decade = verdict.per_decade
    seeds = verdict.seeds_needed if verdict.word == "undetermined" else None
    return (
        Cell(split),
        Cell(verdict.axis),
        Cell(verdict.word),
        Cell(_change(verdict.change, verdict.low, verdict.high), verdict.change),
        Cell("–" if per_decade is None else f"{np.expm1(per_decade):+.1%}", per_decade),
        p_cell(verdict.p_change),
        p_cell(verdict.p_change_holm),
        p_cell(verdict.p_permutation),
        Cell(str(verdict.levels), verdict.levels),
        Cell(str(seeds or "–"), seeds),
    )


def parameter_grid(found: Mapping[str, Any], prefix: str) -> Grid:
    """One row per parameter, then the quantities derived from them."""
    rows = []
    for name, row in [*found["parameters"].items(), *found["derived"].items()]:
        curve = row.get("profile")
        profile = "–" if curve is None else _ends(curve["low"], curve["high"])
        rows.append(
            (
                Cell(name),
                Cell(_n(row["estimate"]), row["estimate"]),
                Cell(_n(row["se"])),
                Cell(_ends(row["low"], row["high"])),
                Cell(profile),
            )
        )
    return Grid(
        f"{prefix}parameters",
        ("parameter", "estimate", "standard error", "95 % bootstrap", "95 % profile"),
        rows,
        "Parameters",
    )


def sensitivity_grid(found: Mapping[str, Any], prefix: str) -> Grid | None:
    """One row per choice of delta or of left-out runs."""
    cases = found["sensitivity"]
    if not cases:
        return None
    names = [name for name in cases[0] if name != "case"]
    rows = [(Cell(str(case["case"])), *(_cell(case[name]) for name in names)) for case in cases]
    return Grid(
        f"{prefix}sensitivity",
        ("choice", *names),
        rows,
        "Sensitivity to the loss and to the worst runs",
    )


def hold_out_grid(found: Mapping[str, Any], prefix: str) -> Grid | None:
    """One row per origin."""
    if not found["hold_out"]:
        return None
    heads = (
        "held out beyond",
        "levels out",
        "configurations",
        "log-ranges away",
        "RMSLE",
        "bias",
        "coverage of 95 %",
        "skill",
    )
    rows = [
        (
            Cell(row["axis"]),
            Cell(str(row["dropped"]), row["dropped"]),
            Cell(str(row["held"]), row["held"]),
            Cell(f"{row['distance']:.2f}", row["distance"]),
            Cell(f"{row['rmsle']:.4f}", row["rmsle"]),
            Cell(f"{row['bias']:+.4f}", row["bias"]),
            Cell(f"{row['coverage']:.0%}", row["coverage"]),
            _cell(row["skill"]),
        )
        for row in found["hold_out"]
    ]
    return Grid(f"{prefix}hold_out", heads, rows, "Predictions of held-out levels")


def frontier_grid(part: SplitFit, prefix: str) -> Grid | None:
    """Compute-optimal N and D at budgets over the observed range; None for other laws."""
    if part.fit.law.surface is None or not part.scales or len(part.fit.draws) < 2:
        return None
    cost = cost_of(part.runs.axes["N"], part.runs.axes["D"], part.runs.flops)
    spent = cost.flops(part.runs.axes["N"], part.runs.axes["D"])
    found = estimates(
        part.fit,
        n=part.runs.axes["N"],
        loss=part.runs.response,
        flops=spent if part.runs.flops is None else part.runs.flops,
        budgets=np.geomspace(spent.min(), spent.max(), _BUDGETS),
        cost=cost,
    )
    best, surface = found.optimum, found.surface
    rows = [
        (
            Cell(scientific(budget), float(budget)),
            Cell(_span(best.n[place], best.n_band95[:, place]), float(best.n[place])),
            Cell(short_number(best.d[place]), float(best.d[place])),
            _penalty(float(surface.penalty[place]) if best.by_law else None),
            Cell("outside the table" if found.outside[place] else ""),
        )
        for place, budget in enumerate(best.budgets)
    ]
    heads = ("FLOPs", "optimal N, 95 %", "optimal D", "loss penalty of following it", "")
    words = (
        f"Compute-optimal frontier: N* ~ C^{best.exponent:.3f} "
        f"[{best.exponent_low:.3f}, {best.exponent_high:.3f}], from {best.source}"
    )
    return Grid(f"{prefix}frontier", heads, rows, words)


def _penalty(value: float | None) -> Cell:
    return Cell("–" if value is None else f"{value:.2%}", value)


def _span(value: float, band: np.ndarray) -> str:
    return f"{short_number(value)} [{short_number(band[0])}, {short_number(band[1])}]"


def _change(change: float | None, low: float | None, high: float | None) -> str:
    if change is None or low is None or high is None:
        return "–"
    return f"{np.expm1(change):+.0%} [{np.expm1(low):+.0%}, {np.expm1(high):+.0%}]"


def _cell(value: float | None) -> Cell:
    return Cell(_n(value), value)


def _ends(low: float | None, high: float | None) -> str:
    return f"[{'open' if low is None else _n(low)}, {'open' if high is None else _n(high)}]"


def _n(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
