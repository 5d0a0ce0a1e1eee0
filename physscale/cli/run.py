"""`physscale plan` and `physscale run`: what a study costs, and doing what is missing of it."""

import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from physscale.cli.options import (
    Budget,
    Device,
    Hours,
    MachineFile,
    Name,
    Next,
    Only,
    Opened,
    Overrides,
    Results,
    TunedFile,
    Utilisation,
    console,
    open_study,
)
from physscale.finished.tables import behind, gather
from physscale.records.command_line import AsJson, print_json
from physscale.records.ledger import FINAL, State
from physscale.records.store import Store
from physscale.run.device_memory import run_memory
from physscale.run.latent_cache import cache_notes, check_held
from physscale.run.weights import check_weights, keep_weights
from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine
from physscale.study.axes import together
from physscale.study.budget import within_flops, within_hours
from physscale.study.drive import at_a_time, check_schedulable, run_study
from physscale.study.inspect import failures
from physscale.study.pins import check_pins
from physscale.study.plan import Row, label, plan, recorded_runs, write_study
from physscale.study.progress import gigabytes, span
from physscale.study.proposal import keep_proposal
from physscale.study.speed import UTILISATION, Speed, device_speed, note_speed, speed_of

_HEADINGS = ("run", "group", "what", "N", "FLOPs", "about", "data", "disk", "state")
_NUMBERS = range(3, 8)
"""The columns that stand to the right."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A plan with everything that it was asked to take into account."""

    opened: Opened
    rows: list[Row]
    left_out: tuple[str, ...]
    notes: list[str]
    schedule: list[str]
    speed: Speed
    wall_s: float


def plan_command(
    name: Name,
    overrides: Overrides = None,
    only: Only = None,
    results: Results = Path("results"),
    machine: MachineFile = None,
    budget: Budget = None,
    hours: Hours = None,
    proposal: Next = None,
    tuned: TunedFile = None,
    device: Device = None,
    utilisation: Utilisation = UTILISATION,
    as_json: AsJson = False,
) -> None:
    """Show the runs of a study, what they cost, and which are done."""
    opened = open_study(
        name, results=results, overrides=overrides, only=only, proposal=proposal, tuned=tuned
    )
    chosen = read_machine(machine)
    speed = device_speed(device, utilisation=utilisation) if device else None
    prepared = prepare(opened, machine=chosen, budget=budget, hours=hours, speed=speed)
    if as_json:
        print_json(as_object(prepared))
    else:
        show_plan(prepared, out=console())


def run_command(
    name: Name,
    overrides: Overrides = None,
    only: Only = None,
    results: Results = Path("results"),
    machine: MachineFile = None,
    backend: Annotated[
        Literal["ray", "plain"],
        typer.Option(help="ray: Ray Tune and Train; plain: one after the other, here."),
    ] = "ray",
    budget: Budget = None,
    hours: Hours = None,
    proposal: Next = None,
    tuned: TunedFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run what is missing of a study.

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
        out.print(note, highlight=False, soft_wrap=True)
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


def prepare(
    opened: Opened,
    *,
    machine: Machine,
    budget: float | None = None,
    hours: float | None = None,
    speed: Speed | None = None,
    backend: Literal["ray", "plain"] = "ray",
) -> Prepared:
    """The plan inside its limits.

    Raises:
        Unschedulable: if some run that is missing could never be placed.
        UserError: if nothing fits into the limits, or weights that a codec begins with are not
            where they are said to lie.
        DamagedData: if a file of latents that a run would read is torn or foreign.
    """
    study, store = opened.study, opened.store
    speed = speed or speed_of(machine, results=store.root.parent)
    rows = plan(study, store=store, flops_per_s=machine.flops_per_s, speed=speed)
    schedule = check_schedulable(rows, machine=machine, backend=backend) if _missing(rows) else []
    beside = at_a_time(rows, machine=machine, backend=backend)
    notes: list[str] = []
    left_out: tuple[str, ...] = ()
    if budget is not None:
        kept = within_flops(study, rows=rows, flops=budget)
        study, left_out, notes = kept.study, kept.left_out, [kept.said]
        rows = [row for row in rows if row.fingerprint in study.runs]
    if hours is not None:
        kept = within_hours(study, rows=rows, hours=hours, at_a_time=beside)
        study, left_out, notes = kept.study, (*left_out, *kept.left_out), [*notes, kept.said]
        rows = [row for row in rows if row.fingerprint in study.runs]
    notes += [
        f"group {group}: {said}" for group, runs in study.groups.items() for said in together(runs)
    ]
    if machine.run_gpus and study.runs:
        bytes_held, fullest = max(
            (run_memory(run).total, label(run)) for run in study.runs.values()
        )
        notes.append(f"memory: at most {gigabytes(bytes_held)} a device, {fullest}")
    left = [study.runs[row.fingerprint] for row in _missing(rows)]
    notes += [*check_weights(left, store=store), *cache_notes(left, store=store)]
    wall_s = sum(row.estimated_s / beside[row.workers] for row in _missing(rows))
    return Prepared(
        opened=dataclasses.replace(opened, study=study),
        rows=rows,
        left_out=left_out,
        notes=notes,
        schedule=schedule,
        speed=speed,
        wall_s=max([wall_s, *(row.estimated_s for row in _missing(rows))], default=0.0),
    )


def as_object(prepared: Prepared) -> dict[str, object]:
    """A plan for programs."""
    return {
        "study": prepared.opened.study.name,
        "question": prepared.opened.study.question,
        "schedule": prepared.schedule,
        "speed": prepared.speed.source,
        "hours": round(prepared.wall_s / 3600, 4),
        "notes": prepared.notes,
        "left_out": list(prepared.left_out),
        "runs": [dataclasses.asdict(row) for row in prepared.rows],
    }


def show_plan(prepared: Prepared, *, out: Console) -> None:
    """A plan for people."""
    rows, study = prepared.rows, prepared.opened.study
    out.print(f"[bold]{study.name}[/bold]: {study.question}")
    out.out(_table(rows, width=out.width if out.is_terminal else None), highlight=False)
    whole = prepared.opened.whole
    for full in prepared.left_out:
        out.out(
            f"left out: {full[:12]}  {'+'.join(whole.groups_of[full])}  {label(whole.runs[full])}",
            highlight=False,
        )
    left = _missing(rows)
    work = span(sum(row.estimated_s for row in left))
    out.print(
        f"{len(rows)} runs, {len(left)} to run: {sum(row.flops for row in left):.2e} FLOPs, about "
        f"{work} of work, "
        f"{span(prepared.wall_s)} from start to end",
        highlight=False,
    )
    out.print(
        f"data: {gigabytes(sum(row.data_bytes for row in left))} of frames, rendered as they are "
        "read; "
        f"disk: {gigabytes(sum(row.disk_bytes for row in left))} of checkpoints and samples",
        highlight=False,
    )
    out.print(f"times: {prepared.speed.source}", highlight=False, soft_wrap=True)
    for line in prepared.schedule:
        out.print(f"schedule: {line}", highlight=False)
    for note in prepared.notes:
        out.print(f"note: {note}", highlight=False, soft_wrap=True)


def _carry_out(
    prepared: Prepared, *, backend: Literal["ray", "plain"], machine: Machine, out: Console
) -> tuple[list[Row], int]:
    """Runs what is missing; the study's files tell of the whole study, whatever part of it was
    run."""
    whole, study, store, rows = (
        prepared.opened.whole,
        prepared.opened.study,
        prepared.opened.store,
        prepared.rows,
    )
    everything = plan(whole, store=store, flops_per_s=machine.flops_per_s)
    groups = {row.fingerprint: row.group for row in everything}
    missing = bool(_missing(rows))
    left = [study.runs[row.fingerprint] for row in _missing(rows)]
    check_held(left, store=store)
    keep_weights(left, store=store)
    changed = missing or recorded_runs(store) != list(groups)
    if changed:
        write_study(whole, store=store, rows=everything)
    code = 0
    if missing:
        ending = run_study(
            study, rows=rows, store=store, backend=backend, machine=machine, console=out
        )
        rows, code = ending.rows, ending.exit_code
        note_speed(store, runs=list(study.runs), machine=machine)
    if changed or behind(store, runs=groups):
        gather(store, groups=groups)
    return rows, code


def _missing(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.state not in FINAL]


def _say_ending(prepared: Prepared, *, rows: list[Row], out: Console) -> None:
    """What became of the runs, and where to look."""
    study, store = prepared.opened.study, prepared.opened.store
    counts = Counter(row.state for row in rows)
    if set(counts) <= FINAL:
        diverged = f" ({counts[State.DIVERGED]} diverged)" if counts[State.DIVERGED] else ""
        out.print(
            f"{study.name}: all {len(rows)} runs are done{diverged}: {store.root}",
            highlight=False,
            soft_wrap=True,
        )
    else:
        states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        out.print(
            f"{study.name}: {states}; the same command goes on", highlight=False, soft_wrap=True
        )
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
        out.print(f"report: {store.report}", highlight=False, soft_wrap=True)
    elif finished:
        out.print(
            f"report: python -m analysis report {store.root}", highlight=False, soft_wrap=True
        )


def _table(rows: list[Row], *, width: int | None) -> str:
    """One line a run, cut to the terminal; by hand, since rich takes seconds for thousands of
    rows."""
    table = [_HEADINGS]
    for row in rows:
        sizes = (gigabytes(row.data_bytes), gigabytes(row.disk_bytes))
        costs = (f"{row.parameters:,}", f"{row.flops:.1e}", span(row.estimated_s), *sizes)
        table.append((row.fingerprint[:12], "+".join(row.groups), row.label, *costs, row.state))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(_line(cells, widths=widths)[:width] for cells in table)


def _line(cells: tuple[str, ...], *, widths: list[int]) -> str:
    padded = [
        cell.rjust(wide) if at in _NUMBERS else cell.ljust(wide)
        for at, (cell, wide) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
