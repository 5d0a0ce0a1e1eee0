"""`physscale run`: executes the runs that a study still lacks."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from physscale.cli.options import (
    Budget,
    Hours,
    MachineFile,
    Name,
    Next,
    Only,
    Overrides,
    Results,
    TunedFile,
    open_study,
)
from physscale.cli.plan import show_plan
from physscale.cli.terminal import console, say
from physscale.finished.tables import behind, write_study_tables
from physscale.records.command_line import AsJson, print_json
from physscale.records.ledger import FINAL, State
from physscale.records.store import Store
from physscale.run.latent_cache import check_held
from physscale.run.weights import keep_weights
from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine
from physscale.study.drive import run_study
from physscale.study.inspect import failures
from physscale.study.pins import check_pins
from physscale.study.plan import Row, plan, recorded_runs, write_study
from physscale.study.prepare import Prepared, as_object, missing, prepare
from physscale.study.proposal import keep_proposal
from physscale.study.speed import note_speed


def run_command(
    name: Name,
    overrides: Overrides = None,
    only: Only = None,
    results: Results = Path("results"),
    machine: MachineFile = None,
    backend: Annotated[
        Literal["ray", "plain"],
        typer.Option(
            help="ray: in parallel by Ray Tune and Train; plain: one after another, without Ray."
        ),
    ] = "ray",
    budget: Budget = None,
    hours: Hours = None,
    proposal: Next = None,
    tuned: TunedFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Execute the runs that a study still lacks.

    The same command continues it; Ctrl-C saves and stops."""
    check_pins()
    opened = open_study(
        name, results=results, overrides=overrides, only=only, proposal=proposal, tuned=tuned
    )
    chosen = read_machine(machine)
    out = console(as_json=as_json)
    prepared = prepare(opened, machine=chosen, budget=budget, hours=hours, backend=backend)
    if dry_run:
        if as_json:
            print_json(as_object(prepared))
        else:
            show_plan(prepared, out=out)
        return
    for note in prepared.notes:
        say(out, note)
    if proposal is not None:
        keep_proposal(proposal, store=opened.store, only=only or [])
    rows, code = _carry_out(prepared, backend=backend, machine=chosen, out=out)
    _say_ending(prepared, rows=rows, out=out)
    if as_json:
        report = str(opened.store.report) if opened.store.report.exists() else None
        print_json(
            {
                "study": opened.whole.name,
                "exit_code": code,
                "report": report,
                "runs": [dataclasses.asdict(row) for row in rows],
            }
        )
    raise typer.Exit(code)


def _carry_out(
    prepared: Prepared, *, backend: Literal["ray", "plain"], machine: Machine, out: Console
) -> tuple[list[Row], int]:
    """Executes the missing runs. The study's files describe the whole study, whichever part was
    run."""
    whole, study, store, rows = (
        prepared.opened.whole,
        prepared.opened.study,
        prepared.opened.store,
        prepared.rows,
    )
    everything = plan(whole, store=store, flops_per_s=machine.flops_per_s)
    groups = {row.fingerprint: row.group for row in everything}
    left = [study.runs[row.fingerprint] for row in missing(rows)]
    from physscale.run.rehearsal import check_scoring  # Numba, SciPy: not for --dry-run

    check_scoring(left)
    check_held(left, store=store)
    keep_weights(left, store=store)
    changed = bool(left) or recorded_runs(store) != list(groups)
    if changed:
        write_study(whole, store=store, rows=everything)
    code = 0
    try:
        if left:
            ending = run_study(
                study, rows=rows, store=store, backend=backend, machine=machine, console=out
            )
            rows, code = ending.rows, ending.exit_code
            note_speed(store, runs=list(study.runs), machine=machine)
    finally:  # whatever ended it, the runs that are finished are gathered
        if changed or behind(store, runs=groups):
            write_study_tables(store, groups=groups)
    return rows, code


def _say_ending(prepared: Prepared, *, rows: list[Row], out: Console) -> None:
    """Says how the runs ended, and where to look."""
    study, store = prepared.opened.study, prepared.opened.store
    counts = Counter(row.state for row in rows)
    if set(counts) <= FINAL:
        diverged = f" ({counts[State.DIVERGED]} diverged)" if counts[State.DIVERGED] else ""
        say(out, f"{study.name}: all {len(rows)} runs are done{diverged}: {store.root}")
    else:
        states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        say(out, f"{study.name}: {states}; the same command continues")
    for full, error in failures(store, rows=rows).items():
        where = store.run(full).root / "error.txt"
        out.print(
            f"{full[:12]} {error} (see {where})",
            highlight=False,
            soft_wrap=True,
            markup=False,
            style="red",
        )
    _say_report(store, finished=set(counts) <= FINAL, out=out)


def _say_report(store: Store, *, finished: bool, out: Console) -> None:
    if store.report.exists():
        say(out, f"report: {store.report}")
    elif finished:
        say(out, f"report: python -m analysis report {store.root}")
