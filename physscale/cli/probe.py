"""`physscale probe`: mechanisms behind the errors of finished runs, or of any file of generated
videos.

```
physscale probe results/attributes --what attributes
physscale probe results/quickstart 4f2a --what twins --json
physscale probe samples.arrow --trained data/uniform --what memory
```
"""

from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import DeviceMachine, device_of
from physscale.finished.probe_words import Question, lines_of
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.scheduling.machine_file import read_machine


def probe(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS|DATA",
            help="A study's folder, or generated videos: a data set or a file.",
        ),
    ],
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Runs, by the beginning of their fingerprints; by default every finished one.",
        ),
    ] = None,
    what: Annotated[
        Question,
        typer.Option(
            help="attributes: which crossed one wins; memory: copies; hull: distance to training; "
            "twins: a broken law beside the true one; features: what the layers know."
        ),
    ] = "memory",
    trained: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA", help="For videos: their training rows (a data set or a file)."
        ),
    ] = None,
    pair: Annotated[
        str, typer.Option(metavar="A,B", help="For videos: the crossed attributes, as colour,size.")
    ] = "",
    condition_frames: Annotated[int, typer.Option(help="For videos: given frames.", min=1)] = 3,
    machine: DeviceMachine = None,
    as_json: AsJson = False,
) -> None:
    """Probe why videos are wrong: attributes, copies, distance from training, twins, features.

    Which attribute wins, what is copied, how far the videos are from training, whether the model
    prefers the law, and what its layers know."""
    from physscale.finished.probe import probe_file, probe_runs  # torch: only here

    of_videos = trained is not None or bool(pair)
    if source.is_file() or (of_videos and source.is_dir() and not (source / "runs").is_dir()):
        if machine is not None:
            raise UserError(
                f"{source}: --machine is for the models of a study's runs; videos have none"
            )
        if runs:
            raise UserError(f"{source}: videos hold no runs; leave out {' '.join(runs)[:40]!r}")
        record = probe_file(
            source, what=what, trained=trained, pair=pair, condition_frames=condition_frames
        )
    elif of_videos:
        raise UserError(
            "--trained and --pair belong to videos; a study's runs record what they were trained on"
        )
    else:
        device = device_of(read_machine(machine))
        record = probe_runs(source, what=what, beginnings=runs or [], device=device)
    if as_json:
        print_json(record)
        return
    for line in lines_of(record, what=what):
        typer.echo(line)
