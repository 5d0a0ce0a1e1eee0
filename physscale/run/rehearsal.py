"""Scores the first videos of each test split before anything is trained, with true frames in place
of the model's: what scoring cannot do is said before step 1, not after a million of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from physscale.dataset.mp4 import mp4_bytes
from physscale.evaluate.metrics import VideoMetric, metrics_of
from physscale.records.errors import UserError, one_line
from physscale.render.canvas import Canvas
from physscale.run.baseline_tracks import TrainingRows
from physscale.run.conditioning_room import check_rows
from physscale.run.pictures import FRAMES_PER_S, beside
from physscale.run.scored_split import run_columns, scored_split
from physscale.run.sources import measured
from physscale.run.spec import RunSpec, TestSplit
from physscale.simulate.spec import DataSpec

__all__ = ["check_scoring"]

VIDEOS = 8
LARGEST_VIDEO = 2**31 - 1
"""Bytes of frames that a row of an Arrow file can hold."""


def check_scoring(runs: Iterable[RunSpec]) -> None:
    """Raises UserError for a run with a test split that could not be scored."""
    metrics = tuple(metrics_of("run"))
    for run, split in ((one, split) for one in runs for split in one.test_splits):
        check_rows(run.model.conditioned_on, split.data, mirror=False, rows=split.data.videos)
        video = split.data.frames * run.canvas.size_px**2 * 3
        if video > LARGEST_VIDEO:
            raise UserError(
                f"test split {split.data.split!r}: a video of {split.data.frames} frames at canvas "
                f"size_px={run.canvas.size_px} has {video} bytes; at most {LARGEST_VIDEO} fit into "
                "a row"
            )
        few = replace(split, data=_few(split.data))
        _rehearse(_Case(few, _few(run.data), run.canvas, run.given_frames, metrics, run))


def _few(data: DataSpec) -> DataSpec:
    return replace(data, videos=min(VIDEOS, data.videos))


@dataclass(frozen=True)
class _Case:
    """All that scoring depends on beside the model: the runs of a study share it."""

    split: TestSplit
    data: DataSpec
    canvas: Canvas
    given_frames: int
    metrics: tuple[VideoMetric, ...]
    run: RunSpec = field(compare=False)


@lru_cache
def _rehearse(case: _Case) -> None:
    """Everything that scoring does with the frames of a test split."""
    split, run = case.split, replace(case.run, data=case.data)
    scored = scored_split(run, split, columns=run_columns(run, study=""), metrics=case.metrics)
    if not scored.measurable:
        return
    try:
        measured(
            scored,
            [scored.pixels],
            recode=lambda part: part.pixels,
            training=TrainingRows(run),
        )
        mp4_bytes(beside(scored.pixels[:1], scored.pixels[:1]), frames_per_s=FRAMES_PER_S)
    except Exception as error:  # of a metric, or of a baseline of this scenario on that split
        raise UserError(
            f"test split {split.data.split!r}: rows of {split.data.scenario.name!r} cannot be "
            f"scored in a run on {run.data.scenario.name!r} ({type(error).__name__}: "
            f"{one_line(error)}); leave the split out"
        ) from error
