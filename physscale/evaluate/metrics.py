"""How each metric is computed: a function from videos to one value per video.

The table of names, units and words is `records/metric_table.py`; every metric that is computed from
videos has its function here. A plug-in adds one by `METRICS.register(VideoMetric(...))`
(`docs/extend/my_metric.md`). The held-out loss needs the model, and the Fréchet distances and the
abnormal rate need whole sets of videos: `run/score.py` and `finished/frames.py` compute them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from physscale.evaluate.frames.pixels import SMALLEST_LPIPS_PX, WINDOW, psnr, ssim
from physscale.evaluate.generated import Generated
from physscale.evaluate.motion.paper_protocol import law_of
from physscale.records.errors import UserError
from physscale.records.metric_table import BUILT_IN, Metric
from physscale.records.registry import Registry
from physscale.simulate.paper.grids import Motion
from physscale.simulate.paper.sets import OUT
from physscale.simulate.scenario import Scenario

__all__ = ["METRICS", "VideoMetric", "metrics_of", "video_means"]

PerVideo = Callable[[Generated], np.ndarray]

SSIM_VIDEOS, LPIPS_VIDEOS, LPIPS_EVERY = 12, 4, 8
"""Slow metrics use the first videos of a split only, and LPIPS every eighth frame of them."""


@dataclass(frozen=True, kw_only=True)
class VideoMetric:
    """A metric and its function.

    Attributes:
        metric: what its readers need.
        values: from generated videos to Float[videos]; NaN where a video does not count.
        needs: `tracks`, the positions of bodies, which baselines have too; `frames`, the pixels; or
            `official`, the pixels of rows that the paper's evaluation script can score.
        when: `run` for every run; `evaluate` for slow metrics of `physscale evaluate STUDY`.
        least_px: size of the smallest frames on which it is defined.
    """

    metric: Metric
    values: PerVideo
    needs: Literal["tracks", "frames", "official"] = "tracks"
    when: Literal["run", "evaluate"] = "run"
    least_px: int = 1

    @property
    def name(self) -> str:
        return self.metric.name

    def defined_on(self, generated: Generated, *, scenario: Scenario) -> bool:
        """Whether these videos of this scenario have what the metric needs."""
        if self.needs == "tracks":
            return scenario.tracked
        if generated.frames is None or generated.frames.shape[2] < self.least_px:
            return False
        return self.needs == "frames" or scenario.official

    def per_video(self, generated: Generated) -> Float[np.ndarray, " videos"]:
        """One value per video.

        Raises:
            UserError: if a plug-in's function returns another shape.
        """
        values = np.asarray(self.values(generated), dtype=np.float64)
        if values.shape != (len(generated.truth),):
            raise UserError(
                f"metric {self.name}: values of shape {values.shape} for {len(generated.truth)} "
                "videos; it must give one number per video, NaN where a video does not count"
            )
        return values


METRICS: Registry[VideoMetric] = Registry(
    "metric", name_of=lambda entry: entry.name, built_in="physscale.evaluate.metrics"
)
"""Every metric that is computed from videos, by name."""


def metrics_of(when: Literal["run", "evaluate"]) -> list[VideoMetric]:
    """The metrics of a run's own scores, or those of `physscale evaluate STUDY`."""
    return [metric for metric in METRICS.entries().values() if metric.when == when]


def video_means(
    outcomes: pa.Table,
    *,
    column: str,
    index: np.ndarray,
    measured: str | None = None,
) -> Float[np.ndarray, " videos"]:
    """Mean of a column over the bodies of each video; NaN where no body has a value.

    Args:
        index: the videos' row numbers, in the order of the result.
        measured: a body counts only where this column has a value.
    """
    values = pc.cast(outcomes[column], pa.float64())
    if measured is not None:
        values = pc.if_else(pc.is_valid(outcomes[measured]), values, None)
    grouped = (
        pa.table({"index": outcomes["index"], "value": values})
        .group_by("index")
        .aggregate([("value", "mean")])
    )
    found = dict(zip(grouped["index"].to_pylist(), grouped["value_mean"].to_pylist(), strict=True))
    return np.array([found.get(row) for row in index.tolist()], dtype=np.float64)


def _mean_of(column: str, *, measured: str | None = None) -> PerVideo:
    def values(generated: Generated) -> np.ndarray:
        index = generated.truth.index
        return video_means(generated.outcomes, column=column, index=index, measured=measured)

    return values


def _official(column: Mapping[Motion, str]) -> PerVideo:
    """A number of the official script; NaN for videos that it does not count.

    Args:
        column: its name for each law that has it (`evaluate.motion.paper_protocol`).
    """

    def values(generated: Generated) -> np.ndarray:
        name = column.get(law_of(generated.truth))
        found = generated.official
        if name is None or name not in found.column_names:
            return np.full(len(generated.truth), np.nan)
        counted = pc.is_in(found["group"], pa.array(["id", *OUT]))
        return np.asarray(
            pc.if_else(counted, found[name], None).to_numpy(zero_copy_only=False), np.float64
        )

    return values


def _likeness(measure: Callable[..., np.ndarray], *, videos: int | None = None) -> PerVideo:
    """Similarity to the true frames after the given ones, for the first `videos` rows of the
    split."""

    def values(generated: Generated) -> np.ndarray:
        found = np.full(len(generated.truth), np.nan)
        rows = generated.truth.index < (videos or np.inf)
        if rows.any():
            made, true = (
                frames[rows, generated.condition_frames :]
                for frames in (generated.pixels, generated.true_pixels)
            )
            found[rows] = measure(made, truth=true)
        return found

    return values


def _st_lpips(made: np.ndarray, *, truth: np.ndarray) -> np.ndarray:
    from physscale.evaluate.frames.perceptual import st_lpips  # torch: only where it is asked for

    return np.asarray(st_lpips()(made[:, ::LPIPS_EVERY], truth=truth[:, ::LPIPS_EVERY]))


_FROM_TRACKS = {
    "velocity_error": _mean_of("velocity_error_m_s"),
    "frame_velocity_error": _mean_of("frame_velocity_error_m_s"),
    "position_error": _mean_of("position_error_m"),
    "radius_error": _mean_of("radius_error_m"),
    "vanish_rate": _mean_of("vanished"),
    # a ball that vanished is neither reversed nor not
    "reversal_rate": _mean_of("reversed", measured="speed_m_s"),
    "teleport_rate": _mean_of("teleported"),
    "duplicate_rate": _mean_of("duplicated"),
    "merge_rate": _mean_of("merged"),
    "radius_drift": _mean_of("radius_drift_m"),
    "shape_change": _mean_of("shape_change"),
    "colour_change": _mean_of("colour_change"),
    "momentum_error": _mean_of("momentum_error"),
    "energy_error": _mean_of("energy_error"),
}

_FROM_FRAMES = {
    "ssim": (_likeness(ssim, videos=SSIM_VIDEOS), WINDOW),
    "psnr_db": (_likeness(psnr), 1),
    "st_lpips": (_likeness(_st_lpips, videos=LPIPS_VIDEOS), SMALLEST_LPIPS_PX),
}

_OFFICIAL = {
    "official_velocity_error": _official(
        {
            "uniform": "velocity_error",
            "parabola": "velocity_error",
            "collision": "velocity_error_after",
        }
    ),
    "official_position_error": _official(
        {"uniform": "position_error", "parabola": "position_error"}
    ),
}

_DECLARED = {metric.name: metric for metric in BUILT_IN}

for _name, _values in _FROM_TRACKS.items():
    METRICS.register(VideoMetric(metric=_DECLARED[_name], values=_values))
for _name, _values in _OFFICIAL.items():
    METRICS.register(VideoMetric(metric=_DECLARED[_name], values=_values, needs="official"))
for _name, (_values, _least_px) in _FROM_FRAMES.items():
    METRICS.register(
        VideoMetric(
            metric=_DECLARED[_name],
            values=_values,
            needs="frames",
            when="evaluate",
            least_px=_least_px,
        )
    )
