"""The commands on anyone's table of runs: fit, verdict, frontier, next, laws."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.commands.options import law_of, number_options, read_table, runs_of, table_options
from physscale.records.errors import UserError

if TYPE_CHECKING:
    from analysis.data.table import Runs


def add_commands(commands: Any) -> None:  # noqa: ANN401 - argparse keeps this class to itself
    """Adds the parsers."""
    fit = commands.add_parser("fit", help="fit a law to a table of runs")
    table_options(fit)
    fit.add_argument(
        "--law", help="a name of `python -m analysis laws` (default: a power law in the given axes)"
    )
    fit.add_argument(
        "--floor",
        type=float,
        help="fix the constant E: 0 removes it, a positive number is a measured floor",
    )
    number_options(fit)
    fit.add_argument(
        "--draws",
        type=Path,
        help="store the bootstrap draws in this Parquet file (`bands` reads them)",
    )
    fit.add_argument("--no-profile", action="store_true", help="skip profile likelihoods")
    fit.add_argument("--no-holdout", action="store_true", help="skip the ordered hold-out")
    fit.set_defaults(run=_fit)
    verdict = commands.add_parser(
        "verdict", help="scales, flat, worsens or undetermined, a split and axis each"
    )
    table_options(verdict)
    verdict.add_argument(
        "--margin",
        type=float,
        default=0.10,
        help="what counts as flat: relative change over the range (default 0.10)",
    )
    verdict.set_defaults(run=_verdict)
    frontier = commands.add_parser(
        "frontier", help="compute-optimal N and D, with isoFLOP minima beside them"
    )
    table_options(frontier)
    number_options(frontier)
    frontier.add_argument(
        "--budgets",
        default="",
        help="FLOPs, comma-separated (default: seven over the observed range)",
    )
    frontier.set_defaults(run=_frontier)
    following = commands.add_parser(
        "next", help="the runs that would shrink the interval of a parameter most"
    )
    table_options(following)
    number_options(following)
    following.add_argument("--law", default="power-nd")
    following.add_argument("--parameter", required=True, help="such as alpha")
    following.add_argument(
        "--budget", type=float, required=True, help="FLOPs for all new runs together"
    )
    following.add_argument("--out", type=Path, help="JSON file to write the runs to")
    following.set_defaults(run=_next)
    selftest = commands.add_parser(
        "selftest", help="does the estimator keep its promises? planted laws, counted rates (20 s)"
    )
    selftest.add_argument(
        "--full", action="store_true", help="enough worlds to tell 95 from 92 %% (some minutes)"
    )
    selftest.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    selftest.set_defaults(run=_selftest)
    example = commands.add_parser("example", help="the paper's own numbers, fitted, with verdicts")
    example.add_argument("--json", action="store_true", help="one JSON object on standard output")
    example.set_defaults(run=_example)
    commands.add_parser("laws", help="every law with formula and source").set_defaults(run=_laws)


def _fit(chosen: argparse.Namespace) -> int:
    from analysis.commands.result import as_lines, as_object
    from analysis.fit.paired import contrast_object, fit_contrasts
    from analysis.fit.splits import fit_splits

    if chosen.law == "isotonic":
        from analysis.commands.isotonic_fit import run_isotonic

        return run_isotonic(chosen)
    law = law_of(chosen)
    runs = runs_of(chosen, law)
    parts = fit_splits(
        law,
        runs=runs,
        delta=chosen.delta,
        floor=chosen.floor,
        bootstrap=chosen.bootstrap,
        seed=chosen.seed,
        with_profile=not chosen.no_profile,
        with_hold_out=not chosen.no_holdout,
    )
    found = {
        part.name: as_object(
            part.fit, verdicts=part.verdicts, hold_outs=part.hold_outs, notes=runs.notes
        )
        for part in parts
    }
    fits = {part.name: part.fit for part in parts}
    contrasts = fit_contrasts(fits)
    if chosen.draws is not None:
        from analysis.fit.draws import write_draws

        write_draws(chosen.draws, fits, seed=chosen.seed)
    if chosen.json:
        told = [contrast_object(contrast) for contrast in contrasts]
        _print_json(
            found[""]
            if chosen.split is None
            else {"law": law.name, "splits": found, "contrasts": told}
        )
    else:
        for name, part_found in found.items():
            print("\n".join([*([f"split {name}"] if name else []), *as_lines(part_found), ""]))
        for contrast in contrasts:
            print(contrast.statement)
    return 0


def _verdict(chosen: argparse.Namespace) -> int:
    from analysis.commands.result import verdict_object
    from analysis.data.table import axis_names
    from analysis.fit.paired import change_contrasts, contrast_object
    from analysis.fit.splits import verdicts

    if not 0 < chosen.margin < 1:
        raise UserError(f"--margin {chosen.margin}: use a number between 0 and 1")
    runs = read_table(chosen, ratio=False, axes=axis_names(chosen.axes.split(",")))
    parts = runs.splits()
    found = verdicts(parts, margin=chosen.margin)
    contrasts = [contrast for axis in runs.axes for contrast in change_contrasts(parts, axis=axis)]
    if chosen.json:
        told = {name: {v.axis: verdict_object(v) for v in judged} for name, judged in found.items()}
        _print_json(
            told[""]
            if chosen.split is None
            else {"splits": told, "contrasts": [contrast_object(c) for c in contrasts]}
        )
        return 0
    for name, judged in found.items():
        for verdict in judged:
            print(f"{name + ' ' if name else ''}{verdict.axis}: {verdict.word}: {verdict.reason}")
    for contrast in contrasts:
        print(contrast.statement)
    for note in runs.notes:
        print(f"warning: {note}")
    return 0


def _surface(chosen: argparse.Namespace) -> tuple[Any, Any, "Runs"]:
    from analysis.design.frontier import cost_of
    from analysis.fit.fit import fit
    from analysis.laws.registry import law_named

    law = law_named(getattr(chosen, "law", "power-nd"))
    runs = runs_of(chosen, law)
    if chosen.split is not None:
        raise UserError(
            "--split: choose one split with --where instead, a frontier belongs to one surface"
        )
    if chosen.bootstrap < 1:
        raise UserError(f"--bootstrap {chosen.bootstrap}: bands need draws; use 200 or more")
    fitted = fit(
        law,
        columns=runs.axes,
        response=runs.response,
        delta=chosen.delta,
        bootstrap=chosen.bootstrap,
        seed=chosen.seed,
        with_profile=False,
    )
    cost = (
        cost_of(runs.axes["N"], runs.axes["D"], runs.flops)
        if {"N", "D"} <= set(runs.axes)
        else None
    )
    return fitted, cost, runs


def _frontier(chosen: argparse.Namespace) -> int:
    import numpy as np

    from analysis.data.table import Runs
    from analysis.design.frontier import frontier, iso_flops
    from physscale.records.finite import finite

    fitted, cost, runs = _surface(chosen)
    assert isinstance(runs, Runs)
    spent = runs.flops if runs.flops is not None else cost.flops(runs.axes["N"], runs.axes["D"])
    try:
        budgets = (
            np.array([float(word) for word in chosen.budgets.split(",")])
            if chosen.budgets
            else np.geomspace(spent.min(), spent.max(), 7)
        )
    except ValueError as error:
        raise UserError(
            f"--budgets {chosen.budgets!r}: write FLOPs separated by commas, such as 1e19,1e20"
        ) from error
    if not (np.isfinite(budgets) & (budgets > 0)).all():
        raise UserError(f"--budgets {chosen.budgets!r}: budgets must be positive")
    found = frontier(fitted, budgets=budgets, cost=cost)
    minima = iso_flops(runs.axes["N"], runs.response, spent)
    if chosen.json:
        _print_json(
            finite(
                {
                    "frontier": vars(found),
                    "cost": vars(cost),
                    "iso_flop": [vars(row) for row in minima],
                }
            )
        )
        return 0
    print(f"C = {cost.scale:.3g} N^{cost.of_n:.3g} D^{cost.of_d:.3g}")
    print(
        f"N* ~ C^{found.exponent:.3f} [{found.exponent_low:.3f}, {found.exponent_high:.3f}] (95 % "
        "bootstrap)"
    )
    for place, budget in enumerate(budgets):
        low, high = found.n_band95[:, place]
        beyond = "   outside the table" if found.outside[place] else ""
        optimum = f"N* {found.n[place]:.3g} [{low:.3g}, {high:.3g}]   D* {found.d[place]:.3g}"
        print(f"  C {budget:.2e}   {optimum}   penalty {found.penalty[place]:.2%}{beyond}")
    for row in minima:
        words = f"N {row.n:.3g}   loss {row.loss:.4g}" if row.n is not None else row.reason
        print(f"  isoFLOP {row.budget:.2e} ({row.points} points): {words}")
    return 0


def _next(chosen: argparse.Namespace) -> int:
    from analysis.design.frontier import Cost
    from analysis.design.planning import plan_next

    fitted, cost, _ = _surface(chosen)
    if not chosen.budget > 0:
        raise UserError(f"--budget {chosen.budget}: use a positive number of FLOPs")
    plan = plan_next(fitted, parameter=chosen.parameter, budget=chosen.budget, cost=cost or Cost())
    text = json.dumps(vars(plan), indent=1)
    if chosen.out is not None:
        from physscale.records.store import write_atomic

        write_atomic(chosen.out, text.encode())
    if chosen.json:
        print(text)
        return 0
    now, then = f"{plan.se_before:.3g}", f"{plan.se_after:.3g}"
    print(
        f"standard error of {plan.parameter}: {now} now, {then} after {len(plan.runs)} more runs, "
        f"{plan.flops:.3g} FLOPs"
    )
    for run in plan.runs:
        print("  " + "   ".join(f"{name} {value:.4g}" for name, value in run.items()))
    return 0


def _selftest(chosen: argparse.Namespace) -> int:
    """Exit code 1 where a promise is missed by more than twice the Monte Carlo error."""
    from analysis.commands.selftest import report, run

    full, short = (1000, 10_000, 2000), (12, 60, 60)
    coverage, errors, power = full if chosen.full else short
    rates, table = run(worlds=coverage, verdict_worlds=errors, power_worlds=power)
    text = "\n".join(report(rates, table))
    print(text)
    if chosen.out is not None:
        from physscale.records.store import write_atomic

        write_atomic(chosen.out, f"{text}\n".encode())
    return 0 if all(rate.held for rate in rates) else 1


def _example(chosen: argparse.Namespace) -> int:
    from analysis.examples.paper import as_lines, as_object

    if chosen.json:
        _print_json(as_object())
    else:
        print("\n".join(as_lines()))
    return 0


def _laws(chosen: argparse.Namespace) -> int:
    from analysis.laws.isotonic import ISOTONIC, Shape
    from analysis.laws.law import Law
    from analysis.laws.registry import laws

    known: list[Law | Shape] = [*laws().values(), ISOTONIC]
    for law in known:
        words = f"axes: {', '.join(law.axes) or 'none'}\n  domain: {law.domain}\n  needs: {law.identifiable}\n  source: {law.source}"
        print(f"{law.name}\n  {law.formula}\n  {words}")
    return 0


def _print_json(found: object) -> None:
    json.dump(found, sys.stdout, indent=1, allow_nan=False)
    print()
