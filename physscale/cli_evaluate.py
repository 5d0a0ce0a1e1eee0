"""`physscale evaluate FILE...`: for people with videos in hand; `physscale evaluate results/STUDY`: the samples of finished runs as frames.

A file is rows with their frames (Arrow, a data set's folder, the authors' HDF5), or mp4 files beside the rows that say what should have
happened (`--truth`): `00002-00017.mp4` is scene 17 of the third thousand, as the official script names them, `2017.mp4` the same one; a
picture several times as wide as high is a row of panels (truth, reconstruction, model), of which the last one is judged.
"""

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Column, Table

from physscale.dataset.mp4 import mp4_frames
from physscale.dataset.source import read_parts, read_whole
from physscale.evaluate.motion import outcomes
from physscale.evaluate.paper import HEADLINE, law_of, paper_outcomes, paper_scores, partitions_of, sides_of
from physscale.evaluate.scores import METRICS, bootstrap, video_means
from physscale.records.errors import DamagedData, UserError
from physscale.records.store import Store
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

if TYPE_CHECKING:
    from physscale.run.frames import Found, Unit

Protocol = Literal["exact", "paper"]
Which = Literal["all", "largest"]
CHUNK = 1000
ROWS_AT_ONCE = 64
MOST_GROUPS = 24
SHOWN = ("velocity_error", "position_error", "vanish_rate", "reversal_rate", "teleport_rate")


@dataclasses.dataclass(frozen=True)
class Line:
    """One mean with its 95 % interval over the videos; `floor` is what the true frames give, drawn and measured alike."""

    metric: str
    group: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    floor: float | None = None


@dataclasses.dataclass(frozen=True)
class Case:
    """What should have happened and the frames that are judged: as many as the truth has, or one less."""

    name: str
    truth: Videos
    pixels: np.ndarray


def evaluate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Rows with frames (.arrow, .hdf5, a folder), mp4 files, or one study's results.")
    ],
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="What should have happened, where the files are mp4.")] = None,
    protocol: Annotated[Protocol, typer.Option(help="exact: ours; paper: the official script's, to the digit.")] = "exact",
    condition_frames: Annotated[int, typer.Option(help="Given frames, which exact does not judge.", min=1)] = 3,
    run: Annotated[list[str] | None, typer.Option(metavar="FP", help="A study: this run alone; may be repeated.")] = None,
    which: Annotated[Which, typer.Option(help="A study: every run, or of each scenario the largest.")] = "all",
    workers: Annotated[int, typer.Option(help="A study: so many Ray Data tasks at a time; 1 goes without Ray.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Measure the motion in videos against what should have happened; of a study's samples their likeness and abnormality as frames."""
    if len(files) == 1 and (files[0] / "runs").is_dir():
        _study(Store(files[0]), beginnings=run or [], which=which, workers=workers, as_json=as_json)
        return
    for option, given in (("--run", run), ("--which", which != "all"), ("--workers", workers > 1)):
        if given:
            raise UserError(f"{option}: for a study's results as results/quickstart; {files[0]} is none")
    for case in _cases(files, truth=truth):
        facts = {"file": case.name, "protocol": protocol, "videos": len(case.truth), "size_px": case.pixels.shape[2]}
        if protocol == "paper":
            lines = _paper(case)
            facts["law"] = law_of(case.truth)
        else:
            lines = _exact(case, condition_frames=condition_frames)
        if as_json:
            print(json.dumps(facts | {"scores": [dataclasses.asdict(line) for line in lines]}))
        else:
            _show(facts, lines=lines)


def _study(store: Store, *, beginnings: list[str], which: Which, workers: int, as_json: bool) -> None:
    """What is not evaluated yet, and the tables of all that is."""
    from physscale.run.finished import finished_runs  # torch: only here
    from physscale.run.frames import gather_frames, is_done, largest, units_of, write

    runs = finished_runs(store, beginnings=beginnings)
    units = units_of(largest(runs) if which == "largest" else runs)
    missing = [unit for unit in units if not is_done(unit)]
    started_s = time.monotonic()
    for done, (unit, found) in enumerate(_evaluated(missing, workers=workers), start=1):
        write(unit, found)
        typer.echo(f"{done}/{len(missing)}  {unit.run} {unit.split}  {time.monotonic() - started_s:.0f} s", err=True)
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
        print(f"{store.frames}: {videos} videos of {len(units)} splits, {len(missing)} of them evaluated now")


def _evaluated(units: "Sequence[Unit]", *, workers: int) -> "Iterator[tuple[Unit, Found]]":
    if workers == 1 or len(units) < 2:
        from physscale.run.frames import evaluated

        yield from ((unit, evaluated(unit)) for unit in units)
        return
    from physscale.ray_jobs.cluster import cluster  # starts in seconds: only where several work
    from physscale.ray_jobs.evaluate import evaluated_by_tasks

    with cluster():
        yield from evaluated_by_tasks(units, workers=workers)


def _cases(files: list[Path], *, truth: Path | None) -> list[Case]:
    movies = [path for path in files if path.suffix == ".mp4"]
    if not movies:
        if truth is not None:
            raise UserError(f"--truth {truth}: these files hold their own truth; leave it out")
        return [_with_frames(path) for path in files]
    if truth is None or len(movies) < len(files):
        raise UserError("mp4 files are judged together, beside --truth FILE with the rows they belong to")
    return [_beside(movies, rows=Videos.concat([part.with_pixels(None) for part in read_parts(truth)]))]


def _with_frames(path: Path) -> Case:
    videos = read_whole(path)
    if videos.pixels is None:
        raise UserError(f"{path}: it holds states and no frames, so there is nothing to measure; give samples, HDF5 or mp4")
    return Case(str(path), videos.with_pixels(None), videos.pixels)


def _beside(movies: list[Path], *, rows: Videos) -> Case:
    """The rows that the file names say, beside the files' frames."""
    clips, places = [], []
    for path in movies:
        clips.append(_last_panel(path))
        places.append(_row_number(path, rows=len(rows)))
    shapes = {clip.shape for clip in clips}
    if len(shapes) > 1:
        raise UserError(f"mp4 files of different lengths or sizes: {', '.join(map(str, sorted(shapes)[:2]))}; judge them by kinds")
    pixels, frames = np.stack(clips), rows.state.shape[1]
    if pixels.shape[1] not in (frames, frames - 1):
        raise UserError(f"{movies[0]}: {pixels.shape[1]} frames where the truth has {frames}; give as many, or one less")
    return Case(f"{len(movies)} mp4 files", rows.take(np.array(places)), pixels)


def _last_panel(path: Path) -> np.ndarray:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        frames = mp4_frames(path.read_bytes())
    except DamagedData as error:
        raise DamagedData(f"{path}: {error}") from error
    height = frames.shape[1]
    if frames.shape[2] % height:
        raise UserError(f"{path}: {frames.shape[2]} × {height} px is neither a square picture nor a row of square panels")
    return frames[:, :, -height:]


def _row_number(path: Path, *, rows: int) -> int:
    words = path.stem.split("-")
    if len(words) > 2 or not all(word.isdecimal() for word in words):
        raise UserError(f"{path.name}: name mp4 files by their rows, as 17.mp4 or 00000-00017.mp4 (thousand, row in it)")
    number = int(words[-1]) + (CHUNK * int(words[0]) if len(words) == 2 else 0)
    if number >= rows:
        raise UserError(f"{path.name}: row {number} of a truth with {rows} rows")
    return number


def _paper(case: Case) -> list[Line]:
    batches = [slice(start, start + ROWS_AT_ONCE) for start in range(0, len(case.truth), ROWS_AT_ONCE)]
    tables = [paper_outcomes(case.truth.take(batch), case.pixels[batch]) for batch in batches]
    scores = paper_scores(pa.concat_tables(tables, promote_options="default"))
    return [Line(score.metric, score.group, score.value, score.low, score.high, score.count) for score in scores]


def _exact(case: Case, *, condition_frames: int) -> list[Line]:
    frames, size_px = case.pixels.shape[1:3]
    videos = dataclasses.replace(case.truth, time_s=case.truth.time_s[:, :frames], state=case.truth.state[:, :frames])
    floors = render(videos, canvas=Canvas(size_px=size_px))
    made, best = (outcomes(videos, pixels, condition_frames=condition_frames, run="") for pixels in (case.pixels, floors))
    groups = _groups(videos)
    lines = []
    for metric, column in METRICS.items():
        for group, index in {"all": videos.index, **groups}.items():
            values, floor = (_values(table, column=column, index=index) for table in (made, best))
            if len(values):
                mean = bootstrap(values)
                lowest = float(floor.mean()) if len(floor) else None
                lines.append(Line(metric, group, mean.value, mean.low, mean.high, mean.count, lowest))
            else:
                lines.append(Line(metric, group, None, None, None, 0))
    return lines


def _groups(videos: Videos) -> dict[str, np.ndarray]:
    """Row numbers of each template, where there are several and not too many; else of each partition of one or two balls, and its sides."""
    namings = [videos.template]
    if len(set(videos.template.tolist())) < 2 and videos.state.shape[2] <= 2:
        namings = [partitions_of(videos), sides_of(videos)]
    found = {name: videos.index[names == name] for names in namings for name in sorted(set(names.tolist()))}
    return found if 2 <= len(found) <= MOST_GROUPS else {}


def _values(table: pa.Table, *, column: str, index: np.ndarray) -> np.ndarray:
    values = video_means(table.filter(np.isin(table["index"].to_numpy(), index)), column=column)
    return values[np.isfinite(values)]


def _show(facts: dict[str, Any], *, lines: list[Line]) -> None:
    console = Console()
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), highlight=False, soft_wrap=True)
    floors = ["true frames"] if any(line.floor is not None for line in lines) else []
    table = Table(Column("metric", no_wrap=True), "mean", "95 % interval", "videos", *floors)
    head = HEADLINE[facts["law"]] if "law" in facts else "velocity_error"
    first = "all" if "law" not in facts else "id"
    for line in (one for one in lines if one.group == first):
        floor = [f"{line.floor:.4f}" if line.floor is not None else "-" for _ in floors]
        table.add_row(line.metric, *_numbers(line), *floor, style="bold" if line.metric == head else None)
    console.print(table)
    shown = [one for one in lines if one.group not in ("all", first) or "law" in facts]
    groups = list(dict.fromkeys(one.group for one in shown))
    metrics = [head] if "law" in facts else [name for name in SHOWN if any(one.metric == name for one in lines)]
    if groups:
        table = Table(
            Column("group", no_wrap=True),
            "videos",
            *(Column(name.replace("_", " ").removesuffix(" rate").removesuffix(" error")) for name in metrics),
        )
        for group in groups:
            rows = {one.metric: one for one in shown if one.group == group}
            values = ["-" if rows[name].value is None else f"{rows[name].value:.4f}" for name in metrics]
            table.add_row(group, str(rows[metrics[0]].count), *values)
        console.print(table)


def _numbers(line: Line) -> tuple[str, str, str]:
    if line.value is None:
        return "-", "", "0"
    return f"{line.value:.4f}", f"{line.low:.4f} to {line.high:.4f}", str(line.count)
