"""`physscale plan`: what a study costs, and how much of it is done."""

from pathlib import Path

from rich.console import Console

from physscale.cli.options import (
    Budget,
    Device,
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
from physscale.cli.terminal import console, say
from physscale.records.command_line import AsJson, print_json
from physscale.scheduling.machine_file import read_machine
from physscale.study.plan import Row, label
from physscale.study.prepare import Prepared, as_object, missing, prepare
from physscale.study.progress import gigabytes, span
from physscale.study.speed import device_speed

_HEADINGS = ("run", "group", "what", "N", "FLOPs", "about", "data", "disk", "state")
_NUMBERS = range(3, 8)
"""The right-aligned columns."""


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
    as_json: AsJson = False,
) -> None:
    """Show the runs of a study, what they cost, and which are done."""
    opened = open_study(
        name, results=results, overrides=overrides, only=only, proposal=proposal, tuned=tuned
    )
    chosen = read_machine(machine)
    speed = device_speed(device, machine=chosen, results=results) if device else None
    prepared = prepare(opened, machine=chosen, budget=budget, hours=hours, speed=speed)
    if as_json:
        print_json(as_object(prepared))
    else:
        show_plan(prepared, out=console())


def show_plan(prepared: Prepared, *, out: Console) -> None:
    """Prints a plan for people."""
    rows, study = prepared.rows, prepared.opened.study
    out.print(f"[bold]{study.name}[/bold]: {study.question}")
    out.out(_table(rows, width=out.width if out.is_terminal else None), highlight=False)
    whole = prepared.opened.whole
    for full in prepared.left_out:
        out.out(
            f"left out: {full[:12]}  {'+'.join(whole.groups_of[full])}  {label(whole.runs[full])}",
            highlight=False,
        )
    left = missing(rows)
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
    say(out, f"times: {prepared.speed.source}")
    for line in prepared.schedule:
        out.print(f"schedule: {line}", highlight=False)
    for note in prepared.notes:
        say(out, f"note: {note}")


def _table(rows: list[Row], *, width: int | None) -> str:
    """One line per run, cut to the width of the terminal. Built by hand, since rich takes seconds
    for thousands of rows."""
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
