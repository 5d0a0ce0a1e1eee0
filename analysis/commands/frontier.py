"""`frontier` and `next`: what the fitted surface over N and D says about compute."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.commands.options import (
    Columns,
    Resampling,
    Table,
    grouped,
    runs_of,
)
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from analysis.data.table import Runs
    from analysis.design.exponent import Estimates
    from analysis.design.frontier import Cost
    from analysis.fit.fit import Fit
    from analysis.laws.law import Law

_BUDGETS = 7


@grouped
def frontier(
    *,
    table: Table,
    columns: Columns,
    resampling: Resampling,
    budgets: Annotated[
        str | None,
        typer.Option(
            "--budgets", help="FLOPs, comma-separated; default: seven over the observed range."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute-optimal N and D: from the fitted surface, from isoFLOP minima, or from both where
    neither contradicts the other."""
    from analysis.data.configurations import configurations
    from analysis.design.exponent import estimates
    from analysis.design.frontier import on_one_line
    from physscale.records.finite import finite

    law, runs = _read("power-nd", table, columns)
    if on_one_line(configurations(runs.axes, runs.response)):
        raise UserError(
            f"{table.file}: N and D move together, so no frontier follows; add runs at another "
            "ratio of D to N (`next` chooses some)"
        )
    fitted, cost = _surface(law, runs, resampling)
    assert cost is not None
    n = runs.axes["N"]
    spent = runs.flops if runs.flops is not None else cost.flops(n, runs.axes["D"])
    found = estimates(
        fitted, n=n, loss=runs.response, flops=spent, budgets=_budgets(budgets, spent), cost=cost
    )
    apart = found.contradiction
    warnings = [*runs.notes, *fitted.warnings, *([apart] if apart else [])]
    if as_json:
        told = {
            "optimum": vars(found.optimum),
            "outside": found.outside,
            "surface": vars(found.surface),
            "cost": vars(cost),
            "iso_flop": [vars(row) for row in found.minima],
            "iso_flop_exponent": None if found.exponent is None else vars(found.exponent),
            "warnings": warnings,
        }
        print_json(finite(told))
        return
    _print_frontier(found, cost)
    for warning in warnings:
        print(f"warning: {warning}")


@grouped
def next_runs(
    *,
    table: Table,
    columns: Columns,
    resampling: Resampling,
    parameter: Annotated[
        str, typer.Option("--parameter", help="The parameter to narrow down, such as alpha.")
    ],
    budget: Annotated[float, typer.Option("--budget", help="FLOPs of all new runs together.")],
    law: Annotated[str, typer.Option("--law", help="A law that `laws` lists.")] = "power-nd",
    out: Annotated[
        Path | None, typer.Option("--out", help="JSON file to write the runs to.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The runs that would shrink the interval of a parameter most."""
    from analysis.design.frontier import Cost
    from analysis.design.planning import plan_next

    chosen, runs = _read(law, table, columns)
    fitted, cost = _surface(chosen, runs, resampling)
    if not budget > 0:
        raise UserError(f"--budget {budget}: use a positive number of FLOPs")
    plan = plan_next(fitted, parameter=parameter, budget=budget, cost=cost or Cost())
    if out is not None:
        from physscale.records.store import write_atomic

        write_atomic(out, json.dumps(vars(plan), indent=1).encode())
    if as_json:
        print_json(vars(plan) | {"warnings": list(runs.notes)})
        return
    print(
        f"standard error of {plan.parameter}: {plan.se_before:.3g} now, {plan.se_after:.3g} after "
        f"{len(plan.runs)} more runs, {plan.flops:.3g} FLOPs"
    )
    for run in plan.runs:
        print("  " + "   ".join(f"{name} {value:.4g}" for name, value in run.items()))
    for note in runs.notes:
        print(f"warning: {note}")


def _read(name: str, table: Table, columns: Columns) -> "tuple[Law, Runs]":
    """The law of that name and the runs of one split."""
    from analysis.laws.registry import law_named

    if columns.split is not None:
        raise UserError(
            "--split: choose one split with --where instead; a frontier belongs to one surface"
        )
    law = law_named(name)
    return law, runs_of(table, columns, law)


def _surface(law: "Law", runs: "Runs", resampling: Resampling) -> "tuple[Fit, Cost | None]":
    """The fitted law, and the cost of a run where the table has N and D."""
    from analysis.design.frontier import cost_of
    from analysis.fit.fit import fit

    if resampling.bootstrap < 1:
        raise UserError(f"--bootstrap {resampling.bootstrap}: bands need draws; use 200 or more")
    fitted = fit(
        law,
        columns=runs.axes,
        response=runs.response,
        delta=resampling.delta,
        bootstrap=resampling.bootstrap,
        seed=resampling.seed,
        with_profile=False,
    )
    if not {"N", "D"} <= set(runs.axes):
        return fitted, None
    return fitted, cost_of(runs.axes["N"], runs.axes["D"], runs.flops)


def _budgets(words: str | None, spent: "np.ndarray") -> "np.ndarray":
    import numpy as np

    if not words:
        return np.geomspace(spent.min(), spent.max(), _BUDGETS)
    try:
        budgets = np.array([float(word) for word in words.split(",")])
    except ValueError as error:
        raise UserError(
            f"--budgets {words!r}: write FLOPs separated by commas, such as 1e19,1e20"
        ) from error
    if not (np.isfinite(budgets) & (budgets > 0)).all():
        raise UserError(f"--budgets {words!r}: budgets must be positive")
    return budgets


def _print_frontier(found: "Estimates", cost: "Cost") -> None:
    best, surface = found.optimum, found.surface
    print(f"C = {cost.scale:.3g} N^{cost.of_n:.3g} D^{cost.of_d:.3g}")
    print(
        f"N* ~ C^{best.exponent:.3f} [{best.exponent_low:.3f}, {best.exponent_high:.3f}] "
        f"(95 %, from {best.source})"
    )
    for place, budget in enumerate(best.budgets):
        low, high = best.n_band95[:, place]
        penalty = f"   penalty {surface.penalty[place]:.2%}" if best.by_law else ""
        beyond = "   outside the table" if found.outside[place] else ""
        optimum = f"N* {best.n[place]:.3g} [{low:.3g}, {high:.3g}]   D* {best.d[place]:.3g}"
        print(f"  C {budget:.2e}   {optimum}{penalty}{beyond}")
    print(
        f"  the law's surface: N* ~ C^{surface.exponent:.3f} "
        f"[{surface.exponent_low:.3f}, {surface.exponent_high:.3f}] (95 % bootstrap)"
    )
    for row in found.minima:
        words = f"N {row.n:.3g}   loss {row.loss:.4g}" if row.n is not None else row.reason
        print(f"  isoFLOP {row.budget:.2e} ({row.points} points): {words}")
    if found.exponent is not None:
        line = found.exponent
        bounds = f", {line.bounds} more as bounds" if line.bounds else ""
        print(
            f"  isoFLOP minima: N* ~ C^{line.value:.3f} [{line.low:.3f}, {line.high:.3f}] "
            f"({line.budgets} budgets{bounds}, 95 %)"
        )
