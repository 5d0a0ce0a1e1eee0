"""`physscale evaluate FILE...`: for people with videos in hand; `physscale evaluate results/STUDY`:
the samples of finished runs as frames.

A file is rows with their frames (Arrow, a data set's folder, the authors' HDF5), or mp4 files
beside the rows that say what should have happened (`--truth`): `00002-00017.mp4` is scene 17 of the
third thousand, as the official script names them, `2017.mp4` the same one; a picture several times
as wide as high is a row of panels (truth, reconstruction, model), of which the last one is judged.
"""

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Column, Table

from physscale.evaluate.files import Line, cases_of, exact_lines, paper_lines
from physscale.evaluate.motion.paper_protocol import HEADLINE, law_of
from physscale.records.command_line import AsJson
from physscale.records.errors import UserError
from physscale.records.store import Store

if TYPE_CHECKING:
    from physscale.finished.frames import Found, Unit

Protocol = Literal["exact", "paper"]
Which = Literal["all", "largest"]
SHOWN = ("velocity_error", "position_error", "vanish_rate", "reversal_rate", "teleport_rate")


def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Rows with frames (.arrow, .hdf5, a folder), mp4 files, or one study's results.",
        ),
    ],
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What should have happened, where the files are mp4."),
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="exact: ours; paper: the official script's, to the digit.")
    ] = "exact",
    condition_frames: Annotated[
        int, typer.Option(help="Given frames, which exact does not judge.", min=1)
    ] = 3,
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="FP", help="A study: this run alone; may be repeated."),
    ] = None,
    which: Annotated[
        Which, typer.Option(help="A study: every run, or of each scenario the largest.")
    ] = "all",
    workers: Annotated[
        int,
        typer.Option(help="A study: so many Ray Data tasks at a time; 1 goes without Ray.", min=1),
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure the motion in videos against what should have happened.

    For a study's results, compare the samples as frames and look for abnormal ones."""
    if len(files) == 1 and (files[0] / "runs").is_dir():
        _study(Store(files[0]), beginnings=run or [], which=which, workers=workers, as_json=as_json)
        return
    for option, given in (("--run", run), ("--which", which != "all"), ("--workers", workers > 1)):
        if given:
            raise UserError(
                f"{option}: for a study's results as results/quickstart; {files[0]} is none"
            )
    for case in cases_of(files, truth=truth):
        facts = {
            "file": case.name,
            "protocol": protocol,
            "videos": len(case.truth),
            "size_px": case.pixels.shape[2],
        }
        if protocol == "paper":
            lines = paper_lines(case)
            facts["law"] = law_of(case.truth)
        else:
            lines = exact_lines(case, condition_frames=condition_frames)
        if as_json:
            print(json.dumps(facts | {"scores": [dataclasses.asdict(line) for line in lines]}))
        else:
            _show(facts, lines=lines)


def _study(
    store: Store, *, beginnings: list[str], which: Which, workers: int, as_json: bool
) -> None:
    """What is not evaluated yet, and the tables of all that is."""
    from physscale.finished.frames import gather_frames, is_done, largest, units_of, write
    from physscale.finished.runs import finished_runs  # torch: only here

    runs = finished_runs(store, beginnings=beginnings)
    units = units_of(largest(runs) if which == "largest" else runs)
    missing = [unit for unit in units if not is_done(unit)]
    started_s = time.monotonic()
    for done, (unit, found) in enumerate(_evaluated(missing, workers=workers), start=1):
        write(unit, found)
        typer.echo(
            f"{done}/{len(missing)}  {unit.run} {unit.split}  {time.monotonic() - started_s:.0f} s",
            err=True,
        )
    videos = gather_frames(store)
    facts = {
        "study": str(store.root),
        "units": len(units),
        "evaluated": len(missing),
        "skipped": len(units) - len(missing),
        "videos": videos,
    }
    if as_json:
        print(json.dumps(facts))
    else:
        print(
            f"{store.frames}: {videos} videos of {len(units)} splits, {len(missing)} of them "
            "evaluated now"
        )


def _evaluated(units: "Sequence[Unit]", *, workers: int) -> "Iterator[tuple[Unit, Found]]":
    if workers == 1 or len(units) < 2:
        from physscale.finished.frames import evaluated

        yield from ((unit, evaluated(unit)) for unit in units)
        return
    from physscale.ray_jobs.cluster import cluster  # starts in seconds: only where several work
    from physscale.ray_jobs.evaluate import evaluated_by_tasks

    with cluster():
        yield from evaluated_by_tasks(units, workers=workers)


def _show(facts: dict[str, Any], *, lines: list[Line]) -> None:
    console = Console()
    console.print(
        ", ".join(f"{name} {value}" for name, value in facts.items()),
        highlight=False,
        soft_wrap=True,
    )
    floors = ["true frames"] if any(line.floor is not None for line in lines) else []
    table = Table(Column("metric", no_wrap=True), "mean", "95 % interval", "videos", *floors)
    head = HEADLINE[facts["law"]] if "law" in facts else "velocity_error"
    first = "all" if "law" not in facts else "id"
    for line in (one for one in lines if one.group == first):
        floor = [f"{line.floor:.4f}" if line.floor is not None else "-" for _ in floors]
        table.add_row(
            line.metric, *_numbers(line), *floor, style="bold" if line.metric == head else None
        )
    console.print(table)
    shown = [one for one in lines if one.group not in ("all", first) or "law" in facts]
    groups = list(dict.fromkeys(one.group for one in shown))
    metrics = (
        [head]
        if "law" in facts
        else [name for name in SHOWN if any(one.metric == name for one in lines)]
    )
    if groups:
        table = Table(
            Column("group", no_wrap=True),
            "videos",
            *(
                Column(name.replace("_", " ").removesuffix(" rate").removesuffix(" error"))
                for name in metrics
            ),
        )
        for group in groups:
            rows = {one.metric: one for one in shown if one.group == group}
            values = [
                "-" if rows[name].value is None else f"{rows[name].value:.4f}" for name in metrics
            ]
            table.add_row(group, str(rows[metrics[0]].count), *values)
        console.print(table)


def _numbers(line: Line) -> tuple[str, str, str]:
    if line.value is None:
        return "-", "", "0"
    return f"{line.value:.4f}", f"{line.low:.4f} to {line.high:.4f}", str(line.count)
