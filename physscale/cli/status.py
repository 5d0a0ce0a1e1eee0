"""A study seen from any other terminal: `physscale status | metrics | logs | diff`."""

import dataclasses
import itertools
from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import Name, Results, rows_of, store_of
from physscale.cli.terminal import console
from physscale.records.command_line import AsJson, print_json
from physscale.records.leaving import until_stopped
from physscale.study.attempts import all_runs, error_text, events, follow_events, one_run
from physscale.study.compare import differences, find_run
from physscale.study.inspect import history
from physscale.study.progress import LiveTable, status_table

RunPrefix = Annotated[
    str, typer.Argument(metavar="RUN", help="A run, by the beginning of its fingerprint.")
]


def status_command(name: Name, results: Results = Path("results"), as_json: AsJson = False) -> None:
    """Show the progress of a study, from any terminal."""
    standings = LiveTable(
        rows_of(name, results=results), store=store_of(name, results=results)
    ).look()
    if as_json:
        print_json(
            {
                "study": name,
                "runs": [
                    dataclasses.asdict(item.row) | {"step": item.step, "loss": item.loss}
                    for item in standings
                ],
            }
        )
        return
    console().print(status_table(standings, lines=len(standings)))


def metrics_command(
    name: Name, run: RunPrefix = "", results: Results = Path("results"), as_json: AsJson = False
) -> None:
    """Show the training history of a run; without RUN, the newest line of each."""
    lines = history(store_of(name, results=results), beginning=run)
    if as_json:
        print_json({"study": name, "lines": lines})
        return
    for line in lines:
        shown = {
            key: f"{value:.6g}" if isinstance(value, float) else value
            for key, value in line.items()
            if key != "time_s"
        }
        typer.echo("  ".join(f"{key} {value}" for key, value in shown.items()))


def logs_command(
    name: Name,
    run: RunPrefix = "",
    results: Results = Path("results"),
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Keep printing new events; Ctrl-C ends the display, not the runs.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show which driver took which run, when, and how it ended.

    For one run, this includes the whole error of its last failure."""
    store = store_of(name, results=results)
    chosen = one_run(store, beginning=run) if run else None
    all_runs(store)
    found = events(store, run=chosen)
    error = error_text(store, run=chosen) if chosen else ""
    if as_json:
        print_json(
            {
                "study": name,
                "events": [dataclasses.asdict(event) for event in found],
                "error": error,
            }
        )
        return
    for event in found:
        typer.echo(str(event))
    if error:
        typer.echo(f"\n{error.rstrip()}")
    if follow:
        with until_stopped():
            for event in follow_events(store, run=chosen, shown=len(found)):
                typer.echo(str(event))


def diff_command(
    one: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A run of any study, by the beginning of its fingerprint."
        ),
    ],
    other: Annotated[str, typer.Argument(metavar="B", help="Another run.")],
    results: Results = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Show the fields in which two runs differ, old -> new."""
    old, new = find_run(one, results=results), find_run(other, results=results)
    found = differences(old.spec, new.spec)
    if as_json:
        ends = {
            key: {"fingerprint": end.fingerprint, "where": end.where}
            for key, end in (("old", old), ("new", new))
        }
        print_json(
            {**ends, "differences": [dataclasses.asdict(difference) for difference in found]}
        )
        return
    for sign, end in (("-", old), ("+", new)):
        typer.echo(f"{sign} {end.fingerprint[:12]}  {end.where}")
    for difference in itertools.islice(found, 1000):
        typer.echo(f"{difference.field}: {difference.old} -> {difference.new}")
    if not found:
        same = old.fingerprint == new.fingerprint
        typer.echo(
            "one and the same run"
            if same
            else "equal descriptions: the RECIPE number of the code was raised between them"
        )
