"""`physscale tune`: learning rates and batch size, model size by model size, before a law is
fitted."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import DryRun, MachineFile, Name, Only, Overrides, Results, open_study
from physscale.cli.terminal import console, say
from physscale.records.command_line import AsJson, print_json
from physscale.run.weights import keep_weights
from physscale.scheduling.machine_file import read_machine
from physscale.study.tune import to_tune, tune_study, tuning_flops

Trials = Annotated[
    int, typer.Option("--trials", help="Candidates per width; the first is the recipe itself.")
]
Sizes = Annotated[
    int,
    typer.Option(
        "--sizes", help="How many of the study's widths to tune; the others follow by rule."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="File to write; by default tuned.json in the study's results."
    ),
]


def tune_command(
    name: Name,
    overrides: Overrides = None,
    only: Only = None,
    results: Results = Path("results"),
    machine: MachineFile = None,
    trials: Trials = 16,
    sizes: Sizes = 3,
    to: Out = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Find learning rates and batch size for a few model widths (Optuna, ASHA).

    `physscale run STUDY --tuned FILE` takes them. The same command continues the search."""
    opened = open_study(name, results=results, overrides=overrides, only=only)
    chosen = read_machine(machine)
    runs = to_tune(opened.study, sizes=sizes)
    target = to or opened.store.root / "tuned.json"
    flops = tuning_flops(runs, trials=trials)
    out = console(as_json=as_json)
    if not as_json:
        names = ", ".join(run.model.description for run in runs)
        say(
            out,
            f"{len(runs)} sizes ({names}) x {trials} trials: at most {flops:.2e} FLOPs, about "
            "half with ASHA",
        )
    found = []
    if not dry_run:
        keep_weights(runs, store=opened.store)
        tuned = tune_study(
            opened.study,
            runs=runs,
            trials=trials,
            store=opened.store,
            machine=chosen,
            out=target,
            say=partial(say, out),
        )
        found = [dataclasses.asdict(size) for size in tuned.sizes]
    if as_json:
        print_json(
            {
                "study": name,
                "flops": flops,
                "file": None if dry_run else str(target),
                "sizes": found,
            }
        )
    elif not dry_run:
        say(out, f"now: physscale plan {name} --tuned {target}")
