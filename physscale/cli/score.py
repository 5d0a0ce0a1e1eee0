"""`physscale score STUDY`: computes new metrics of finished runs from their samples."""

from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import DeviceMachine, DryRun, Name, Results, device_of, store_of
from physscale.records.command_line import AsJson, print_json
from physscale.records.spec import short
from physscale.scheduling.machine_file import read_machine

OnlyMetric = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="METRIC", help="Only this metric; may be repeated."),
]


def score(
    name: Name,
    results: Results = Path("results"),
    only: OnlyMetric = None,
    again: Annotated[
        bool,
        typer.Option(
            "--all", help="Also compute again the metrics that a run has, and its outcomes."
        ),
    ] = False,
    machine: DeviceMachine = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Score finished runs on metrics that were added later.

    The samples are read from disk and no model is run. Other scores stay as they are, and the same
    command continues after a kill."""
    from physscale.finished.runs import finished_runs  # torch: only here
    from physscale.finished.score import (
        asked_metrics,
        missing_metrics,
        rewrite_study_tables,
        score_again,
    )

    store = store_of(name, results=results)
    metrics = asked_metrics(only or [])
    runs = finished_runs(store, beginnings=[])
    missing = missing_metrics(runs, metrics=metrics, again=again)
    if not dry_run:
        device = device_of(read_machine(machine))
        for done, one in enumerate(missing, start=1):
            score_again(one, outcomes=again, device=device)
            typer.echo(f"{done}/{len(missing)}  {one.finished.name}", err=True)
        rewrite_study_tables(store, runs=runs)
    if as_json:
        print_json(
            {
                "study": name,
                "runs": len(runs),
                "missing": {
                    one.finished.run.fingerprint: [metric.name for metric in one.metrics]
                    for one in missing
                },
                "scored": not dry_run,
            }
        )
        return
    if dry_run:
        for one in missing:
            names = ", ".join(metric.name for metric in one.metrics)
            typer.echo(f"{short(one.finished.run.fingerprint)}  {names}")
    verb = "lack metrics" if dry_run else "scored now"
    typer.echo(f"{name}: {len(missing)} of {len(runs)} finished runs {verb}")
