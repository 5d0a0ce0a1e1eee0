"""Measures video files: rows with frames, or mp4 files together with their true rows.

An mp4 file is named by its row. The official script writes `00002-00017.mp4` for scene 17 of the
third thousand; `2017.mp4` is the same scene. If the picture is several times as wide as it is high,
it is a row of panels (truth, reconstruction, model), and the last panel is measured."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa

from physscale.dataset.mp4 import mp4_frames
from physscale.dataset.source import read_parts, read_whole
from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import metrics_of
from physscale.evaluate.motion.paper_partitions import partitions_of, sides_of
from physscale.evaluate.motion.paper_protocol import paper_outcomes
from physscale.evaluate.motion.paper_scores import paper_scores
from physscale.evaluate.scores import Line, line
from physscale.records.errors import DamagedData, UserError
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

__all__ = ["MeasuredVideos", "exact_lines", "measured_videos", "paper_lines"]

CHUNK = 1000
"""Number of rows per folder of the official script."""

ROWS_AT_ONCE = 64
MOST_GROUPS = 24


@dataclasses.dataclass(frozen=True)
class MeasuredVideos:
    """True rows, and the frames to measure: as many as the truth has, or one fewer."""

    name: str
    truth: Videos
    pixels: np.ndarray


def measured_videos(files: list[Path], *, truth: Path | None) -> list[MeasuredVideos]:
    """The videos of these files; mp4 files together are one set.

    Raises:
        UserError: if a file has no frames, or mp4 files come without their rows.
        DamagedData: if an mp4 file cannot be read.
    """
    movies = [path for path in files if path.suffix == ".mp4"]
    if not movies:
        if truth is not None:
            raise UserError(f"--truth {truth}: these files hold their own truth; leave it out")
        return [_with_frames(path) for path in files]
    if truth is None or len(movies) < len(files):
        raise UserError(
            "mp4 files are measured together, beside --truth FILE with the rows they belong to"
        )
    return [
        _beside(movies, rows=Videos.concat([part.with_pixels(None) for part in read_parts(truth)]))
    ]


def _with_frames(path: Path) -> MeasuredVideos:
    videos = read_whole(path)
    if videos.pixels is None:
        raise UserError(
            f"{path}: it holds states and no frames, so there is nothing to measure; give "
            "samples, HDF5 or mp4"
        )
    return MeasuredVideos(str(path), videos.with_pixels(None), videos.pixels)


def _beside(movies: list[Path], *, rows: Videos) -> MeasuredVideos:
    """The rows that the file names stand for, with the files' frames."""
    clips, places = [], []
    for path in movies:
        clips.append(_last_panel(path))
        places.append(_row_number(path, rows=len(rows)))
    shapes = {clip.shape for clip in clips}
    if len(shapes) > 1:
        raise UserError(
            f"mp4 files of different lengths or sizes: {', '.join(map(str, sorted(shapes)[:2]))}; "
            "measure each kind by itself"
        )
    pixels, frames = np.stack(clips), rows.state.shape[1]
    if pixels.shape[1] not in (frames, frames - 1):
        raise UserError(
            f"{movies[0]}: {pixels.shape[1]} frames where the truth has {frames}; give as many, "
            "or one fewer"
        )
    return MeasuredVideos(f"{len(movies)} mp4 files", rows.take(np.array(places)), pixels)


def _last_panel(path: Path) -> np.ndarray:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        frames = mp4_frames(path.read_bytes())
    except DamagedData as error:
        raise DamagedData(f"{path}: {error}") from error
    height = frames.shape[1]
    if frames.shape[2] % height:
        raise UserError(
            f"{path}: {frames.shape[2]} × {height} px is neither a square picture nor a row of "
            "square panels"
        )
    return frames[:, :, -height:]


def _row_number(path: Path, *, rows: int) -> int:
    words = path.stem.split("-")
    if len(words) > 2 or not all(word.isdecimal() for word in words):
        raise UserError(
            f"{path.name}: name mp4 files by their rows, as 17.mp4 or 00000-00017.mp4 (thousand, "
            "row in it)"
        )
    number = int(words[-1]) + (CHUNK * int(words[0]) if len(words) == 2 else 0)
    if number >= rows:
        raise UserError(f"{path.name}: row {number} of a truth with {rows} rows")
    return number


def paper_lines(case: MeasuredVideos) -> list[Line]:
    """The metrics of the official script, per group of videos."""
    batches = [
        slice(start, start + ROWS_AT_ONCE) for start in range(0, len(case.truth), ROWS_AT_ONCE)
    ]
    tables = [paper_outcomes(case.truth.take(batch), case.pixels[batch]) for batch in batches]
    return paper_scores(pa.concat_tables(tables, promote_options="default"))


def exact_lines(case: MeasuredVideos, *, condition_frames: int) -> list[Line]:
    """Every metric of motion over all videos and over each group of them."""
    count, size_px = case.pixels.shape[1], case.pixels.shape[2]
    truth = dataclasses.replace(
        case.truth,
        index=np.arange(len(case.truth)),
        time_s=case.truth.time_s[:, :count],
        state=case.truth.state[:, :count],
    )
    canvas = Canvas(size_px=size_px)
    made, best = (
        Generated(truth=truth, canvas=canvas, condition_frames=condition_frames, frames=frames)
        for frames in (case.pixels, render(truth, canvas=canvas))
    )
    everything = np.ones(len(truth), dtype=bool)
    lines = []
    for metric in metrics_of("run"):
        values, floors = metric.per_video(made), metric.per_video(best)
        for group, members in {"all": everything, **_groups(truth)}.items():
            floor = line(metric.name, group=group, values=floors[members]).value
            found = line(metric.name, group=group, values=values[members])
            lines.append(dataclasses.replace(found, floor=floor if found.count else None))
    return lines


def _groups(videos: Videos) -> dict[str, np.ndarray]:
    """The videos of each group: the templates if there are several, but not too many; otherwise the
    partitions of one or two balls and their sides."""
    namings = [videos.template]
    if len(set(videos.template.tolist())) < 2 and videos.state.shape[2] <= 2:
        namings = [partitions_of(videos), sides_of(videos)]
    found = {name: names == name for names in namings for name in sorted(set(names.tolist()))}
    return found if 2 <= len(found) <= MOST_GROUPS else {}
