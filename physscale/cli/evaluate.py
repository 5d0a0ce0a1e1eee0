"""`physscale evaluate FILE...` measures the motion in video files; `physscale evaluate
results/STUDY` computes the frame metrics of finished runs.

A file holds rows with their frames (Arrow, a data set's folder, the authors' HDF5). An mp4 file
also needs its true rows (`--truth`); `evaluate/files.py` says how to name it."""

import dataclasses
import json
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Column, Table

from physscale.cli.options import DeviceMachine, device_of
from physscale.evaluate.files import exact_lines, measured_videos, paper_lines
from physscale.evaluate.metrics import metrics_of
from physscale.evaluate.motion.paper_protocol import HEADLINE, law_of
from physscale.evaluate.scores import Line
from physscale.ray_jobs.apart import screen, stop_if, stoppable
from physscale.records.command_line import AsJson
from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine

if TYPE_CHECKING:
    from physscale.finished.frames import Unit, UnitFiles

Protocol = Literal["exact", "paper"]
Which = Literal["all", "largest"]


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
        typer.Option(metavar="FILE", help="For mp4 files: their true rows."),
    ] = None,
    panels: Annotated[
        int,
        typer.Option(
            help="For mp4 files: square panels side by side; the last is measured.", min=1
        ),
    ] = 1,
    protocol: Annotated[
        Protocol,
        typer.Option(help="exact: our metrics; paper: those of the paper's script, to the digit."),
    ] = "exact",
    condition_frames: Annotated[
        int,
        typer.Option(help="Number of frames given to the model; exact does not score them.", min=1),
    ] = 3,
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="FP", help="For a study: only this run; may be repeated."),
    ] = None,
    which: Annotated[
        Which, typer.Option(help="For a study: every run, or the largest per scenario.")
    ] = "all",
    workers: Annotated[
        int,
        typer.Option(help="For a study: parallel Ray Data tasks; 1 runs without Ray.", min=1),
    ] = 1,
    machine: DeviceMachine = None,
    as_json: AsJson = False,
) -> None:
    """Measure the motion in videos against the truth.

    For a study's results, measure how similar its samples are to the true frames, and which of them
    are abnormal."""
    if len(files) == 1 and (files[0] / "runs").is_dir():
        _study(
            Store(files[0]),
            beginnings=run or [],
            which=which,
            workers=workers,
            machine=read_machine(machine),
            as_json=as_json,
        )
        return
    for option, given in (
        ("--run", run),
        ("--which", which != "all"),
        ("--workers", workers > 1),
        ("--machine", machine),
    ):
        if given:
            raise UserError(
                f"{option}: for a study's results, such as results/quickstart; {files[0]} is a file"
            )
    for case in measured_videos(files, truth=truth, panels=panels):
        about = {
            "file": case.name,
            "protocol": protocol,
            "videos": len(case.truth),
            "size_px": case.size_px,
        }
        if protocol == "paper":
            lines = paper_lines(case)
            about["law"] = law_of(case.truth)
        else:
            lines = exact_lines(case, condition_frames=condition_frames)
        if as_json:
            print(json.dumps(about | {"scores": [dataclasses.asdict(line) for line in lines]}))
        else:
            _show(about, lines=lines)


def _study(
    store: Store,
    *,
    beginnings: list[str],
    which: Which,
    workers: int,
    machine: Machine,
    as_json: bool,
) -> None:
    """Evaluates the splits that are missing, and writes the study's tables."""
    from physscale.finished.frames import evaluated, is_done, units_of  # torch: only here
    from physscale.finished.runs import finished_runs, largest
    from physscale.finished.tables import write_frame_tables

    runs = finished_runs(store, beginnings=beginnings)
    units = units_of(largest(runs) if which == "largest" else runs)
    missing = [unit for unit in units if not is_done(unit)]
    if workers == 1 or len(missing) < 2:
        device = device_of(machine)
        _written(((unit, evaluated(unit, device=device)) for unit in missing), of=len(missing))
    else:
        stoppable(partial(_by_tasks, missing, workers, machine), root=store.root)
    videos = write_frame_tables(store)
    about = {
        "study": str(store.root),
        "units": len(units),
        "evaluated": len(missing),
        "skipped": len(units) - len(missing),
        "videos": videos,
    }
    if as_json:
        print(json.dumps(about))
    else:
        print(
            f"{store.frames}: {videos} videos of {len(units)} splits, {len(missing)} of them "
            "evaluated now"
        )


def _by_tasks(units: "Sequence[Unit]", workers: int, machine: Machine, mark: Path) -> None:
    """In the process that talks to Ray."""
    stop_if(mark)
    from physscale.ray_jobs.cluster import cluster  # starts in seconds
    from physscale.ray_jobs.evaluate import evaluated_by_tasks

    with cluster(machine):
        results = evaluated_by_tasks(units, workers=workers, machine=machine, mark=mark)
        _written(results, of=len(units))


def _written(results: "Iterable[tuple[Unit, UnitFiles]]", *, of: int) -> None:
    """Writes each result as it comes, and says so."""
    from physscale.finished.frames import write

    started_s = time.monotonic()
    for done, (unit, found) in enumerate(results, start=1):
        write(unit, found)
        print(
            f"{done}/{of}  {unit.run} {unit.split}  {time.monotonic() - started_s:.0f} s",
            file=screen(),
            flush=True,
        )


def _show(about: dict[str, Any], *, lines: list[Line]) -> None:
    """Every metric over all videos, then the chosen metrics of each group."""
    console = Console()
    console.print(
        ", ".join(f"{name} {value}" for name, value in about.items()),
        highlight=False,
        soft_wrap=True,
    )
    if about["protocol"] == "paper":
        head = HEADLINE[about["law"]]
        inside = [line for line in lines if line.group == "id"]
        console.print(_metric_table(inside, words={}, bold=head))
        by_group, columns = lines, {head: head.replace("_", " ")}
    else:
        everything = [line for line in lines if line.group == "all"]
        by_group = [line for line in lines if line.group != "all"]
        metrics = [metric.metric for metric in metrics_of("run")]
        shown = [metric for metric in metrics if "command line" in metric.shown]
        columns = {metric.name: metric.label for metric in shown}
        words = {metric.name: metric.label for metric in metrics}
        console.print(_metric_table(everything, words=words, bold=next(iter(columns))))
    if by_group:
        console.print(_group_table(by_group, columns=columns))


def _metric_table(lines: list[Line], *, words: dict[str, str], bold: str) -> Table:
    floors = ["true frames"] if any(line.floor is not None for line in lines) else []
    table = Table(Column("metric", no_wrap=True), "mean", "95 % interval", "videos", *floors)
    for line in lines:
        floor = [f"{line.floor:.4f}" if line.floor is not None else "-" for _ in floors]
        style = "bold" if line.metric == bold else None
        table.add_row(words.get(line.metric, line.metric), *_numbers(line), *floor, style=style)
    return table


def _group_table(lines: list[Line], *, columns: dict[str, str]) -> Table:
    table = Table(Column("group", no_wrap=True), "videos", *columns.values())
    for group in dict.fromkeys(line.group for line in lines):
        of_group = {line.metric: line for line in lines if line.group == group}
        values = [_mean(of_group[name]) for name in columns]
        table.add_row(group, str(of_group[next(iter(columns))].count), *values)
    return table


def _mean(line: Line) -> str:
    return "-" if line.value is None else f"{line.value:.4f}"


def _numbers(line: Line) -> tuple[str, str, str]:
    if line.value is None:
        return "-", "", "0"
    return f"{line.value:.4f}", f"{line.low:.4f} to {line.high:.4f}", str(line.count)
