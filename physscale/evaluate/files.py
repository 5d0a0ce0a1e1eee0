"""Measures video files: rows with frames, or mp4 files together with their true rows.

An mp4 file is named by its row. The official script writes `00002-00017.mp4` for scene 17 of the
third group of the published file; groups have up to 1,000 rows, or 100, and lack the scenes that
were dropped. A picture may be a row of panels (truth, reconstruction, model), whose number must be
said; the last one is measured."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from physscale.dataset.file import rows_at_once
from physscale.dataset.mp4 import mp4_frames
from physscale.dataset.source import open_source
from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import metrics_of
from physscale.evaluate.motion.paper_partitions import partitions_of, sides_of
from physscale.evaluate.motion.paper_protocol import FIRST_FRAME, paper_outcomes
from physscale.evaluate.motion.paper_scores import paper_scores
from physscale.evaluate.scores import Line, line
from physscale.evaluate.start import check_start, start_error_m
from physscale.records.errors import DamagedData, UserError
from physscale.records.given_file import check_file
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

__all__ = ["MeasuredVideos", "exact_lines", "measured_videos", "paper_lines"]

MOST_GROUPS = 24


@dataclasses.dataclass(frozen=True)
class MeasuredVideos:
    """True rows, and the frames to measure: as many as the truth has, or one fewer.

    Attributes:
        size_px: side length of the frames.
        parts: the frames of consecutive rows, some at a time.
    """

    name: str
    truth: Videos
    size_px: int
    parts: Callable[[], Iterator[UInt8[np.ndarray, "rows frames size size 3"]]]

    def rows_and_frames(self) -> Iterator[tuple[Videos, np.ndarray]]:
        """Consecutive rows, each with its frames beside it."""
        return self.truth.paired(self.parts())


def measured_videos(
    files: list[Path], *, truth: Path | None, panels: int = 1
) -> list[MeasuredVideos]:
    """The videos of these files; mp4 files together are one set.

    Args:
        panels: how many panels lie side by side in mp4 files; the last one is measured.

    Raises:
        UserError: if a file has no frames, or mp4 files come without their rows.
        DamagedData: if an mp4 file cannot be read.
    """
    movies = [path for path in files if path.suffix.lower() == ".mp4"]
    if not movies:
        if truth is not None:
            raise UserError(f"--truth {truth}: these files hold their own truth; leave it out")
        if panels > 1:
            raise UserError(f"--panels {panels}: for mp4 files; {files[0]} is none")
        return [_with_frames(path) for path in files]
    if truth is None or len(movies) < len(files):
        raise UserError(
            "mp4 files are measured together, beside --truth FILE with the rows they belong to"
        )
    source = open_source(truth)
    return [_beside(movies, rows=source.states, chunks=source.chunks, panels=panels)]


def _with_frames(path: Path) -> MeasuredVideos:
    source = open_source(path)
    if not source.has_frames:
        raise UserError(
            f"{path}: it holds states and no frames, so there is nothing to measure; give "
            "samples, HDF5 or mp4"
        )
    first = source.take(np.arange(1)).frames
    if first.shape[2] != first.shape[3]:
        raise UserError(f"{path}: frames of {first.shape[3]} × {first.shape[2]} px are not square")
    return MeasuredVideos(
        str(path),
        source.states,
        first.shape[2],
        lambda: (part.frames for part in source.parts()),
    )


def _beside(
    movies: list[Path], *, rows: Videos, chunks: tuple[int, ...], panels: int
) -> MeasuredVideos:
    """The rows that the file names stand for, with the files' frames."""
    places = [_row_number(path, rows=len(rows), chunks=chunks) for path in movies]
    twice = [path for path, place in zip(movies, places, strict=True) if places.count(place) > 1]
    if twice:
        raise UserError(
            f"{twice[0]} and {twice[1]}: two files of one row; measure each sample by itself"
        )
    first = _clip(movies[0], panels=panels)
    height, frames = first.shape[1], rows.state.shape[1]
    if len(first) not in (frames, frames - 1):
        raise UserError(
            f"{movies[0]}: {len(first)} frames where the truth has {frames}; give as many, or one "
            "fewer"
        )

    def parts() -> Iterator[np.ndarray]:
        at_once = rows_at_once(first.nbytes)
        for start in range(0, len(movies), at_once):
            clips = [_clip(path, panels=panels) for path in movies[start : start + at_once]]
            for clip in clips:
                if clip.shape != first.shape:
                    raise UserError(
                        f"mp4 files of different lengths or sizes: {first.shape}, {clip.shape}; "
                        "measure each kind by itself"
                    )
            yield np.stack([clip[:, :, -height:] for clip in clips])

    return MeasuredVideos(f"{len(movies)} mp4 files", rows.take(np.array(places)), height, parts)


def _clip(path: Path, *, panels: int) -> np.ndarray:
    """The frames of an mp4 file: so many square panels side by side."""
    check_file(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        frames = mp4_frames(path.read_bytes())
    except DamagedData as error:
        raise DamagedData(f"{path}: {error}") from error
    height, width = frames.shape[1:3]
    if width != panels * height:
        row = f"use --panels {width // height} if it is a row of panels with the model's last"
        raise UserError(
            f"{path}: {width} × {height} px is no row of {panels} square panels (--panels)"
            if panels > 1
            else f"{path}: {width} × {height} px is not square; "
            + (row if width % height == 0 else "give square frames")
        )
    return frames


def _row_number(path: Path, *, rows: int, chunks: tuple[int, ...]) -> int:
    words = path.stem.split("-")
    if len(words) > 2 or not all(word.isdecimal() for word in words):
        raise UserError(
            f"{path.name}: name mp4 files by their rows, as 17.mp4 or 00000-00017.mp4 (group, "
            "row in it)"
        )
    number = int(words[-1])
    group = int(words[0]) if len(words) == 2 else 0
    if group and not chunks:
        raise UserError(
            f"{path.name}: only the published HDF5 file tells which row this is, because its "
            "groups differ in length; give that as --truth, or name the file by its row, as 17.mp4"
        )
    if len(words) == 2 and chunks and (group >= len(chunks) or number >= chunks[group]):
        held = f"{chunks[group]} rows" if group < len(chunks) else "no such group"
        raise UserError(
            f"{path.name}: row {number} of group {group}, of which the truth has {held}"
        )
    place = sum(chunks[:group]) + number
    if place >= rows:
        raise UserError(f"{path.name}: row {place} of a truth with {rows} rows")
    return place


def paper_lines(case: MeasuredVideos) -> list[Line]:
    """The metrics of the official script, per group of videos, beside those of the true frames as
    its generator draws them."""
    tables, floors, starts = list[pa.Table](), list[pa.Table](), list[np.ndarray]()
    canvas = Canvas(size_px=case.size_px, style="paper")
    for truth, pixels in case.rows_and_frames():
        tables.append(paper_outcomes(truth, pixels))
        starts.append(start_error_m(truth, pixels, given=FIRST_FRAME))
        floors.append(paper_outcomes(truth, render(truth, canvas=canvas)))
    check_start(np.concatenate(starts), size_px=case.size_px, name=case.name, given=FIRST_FRAME)
    found, best = (
        paper_scores(pa.concat_tables(parts, promote_options="default"))
        for parts in (tables, floors)
    )
    floor = {(line.metric, line.group): line.value for line in best}
    return [_beside_floor(line, floor=floor.get((line.metric, line.group))) for line in found]


def exact_lines(case: MeasuredVideos, *, condition_frames: int) -> list[Line]:
    """Every metric of motion over all videos and over each group of them.

    Raises:
        UserError: if no frame is left to measure, or the frames do not belong to their rows.
    """
    metrics = [metric for metric in metrics_of("run") if metric.needs != "official"]
    canvas = Canvas(size_px=case.size_px)
    values: dict[tuple[str, bool], list[np.ndarray]] = defaultdict(list)
    starts = []
    for rows, pixels in case.rows_and_frames():
        count = pixels.shape[1]
        if condition_frames >= count:
            raise UserError(
                f"--condition-frames {condition_frames}: leaves none of the {count} frames of "
                f"{case.name} to measure; at most {count - 1}"
            )
        truth = dataclasses.replace(
            rows,
            index=np.arange(len(rows)),
            time_s=rows.time_s[:, :count],
            state=rows.state[:, :count],
        )
        starts.append(start_error_m(truth, pixels, given=condition_frames))
        for is_true, frames in ((False, pixels), (True, render(truth, canvas=canvas))):
            made = Generated(
                truth=truth, canvas=canvas, condition_frames=condition_frames, frames=frames
            )
            for metric in metrics:
                values[metric.name, is_true].append(metric.per_video(made))
    check_start(
        np.concatenate(starts), size_px=case.size_px, name=case.name, given=condition_frames
    )
    joined = {key: np.concatenate(parts) for key, parts in values.items()}
    everything = np.ones(len(case.truth), dtype=bool)
    lines = []
    for metric in metrics:
        for group, members in {"all": everything, **_groups(case.truth)}.items():
            floor = line(metric.name, group=group, values=joined[metric.name, True][members]).value
            found = line(metric.name, group=group, values=joined[metric.name, False][members])
            lines.append(_beside_floor(found, floor=floor))
    return lines


def _beside_floor(found: Line, *, floor: float | None) -> Line:
    return dataclasses.replace(found, floor=floor if found.count else None)


def _groups(videos: Videos) -> dict[str, np.ndarray]:
    """The videos of each group: the templates if there are several, but not too many; otherwise the
    partitions of one or two balls and their sides."""
    namings = [videos.template]
    if len(set(videos.template.tolist())) < 2 and videos.state.shape[2] <= 2:
        namings = [partitions_of(videos), sides_of(videos)]
    found = {name: names == name for names in namings for name in sorted(set(names.tolist()))}
    return found if 2 <= len(found) <= MOST_GROUPS else {}
