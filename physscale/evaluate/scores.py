"""From single videos to numbers: means over videos with 95 % bootstrap intervals, as rows of
`SCORES`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from physscale.records.scores import SCORES

METRICS = {
    "velocity_error": "velocity_error_m_s",
    "frame_velocity_error": "frame_velocity_error_m_s",
    "position_error": "position_error_m",
    "radius_error": "radius_error_m",
    "vanish_rate": "vanished",
    "reversal_rate": "reversed",
    "teleport_rate": "teleported",
    "duplicate_rate": "duplicated",
    "merge_rate": "merged",
    "radius_drift": "radius_drift_m",
    "shape_change": "shape_change",
    "colour_change": "colour_change",
    "momentum_error": "momentum_error",
    "energy_error": "energy_error",
}
RESAMPLES = 1000
BLOCK = 2_000_000
"""Resampled values held at once."""

Kind = Literal["id", "ood", "combinatorial"]
Source = Literal["model", "truth", "codec", "clamp", "mean_speed", "extrapolate", "nearest"]


class RunColumns(TypedDict):
    """What is the same in every score row of a run."""

    study: str
    run: str
    group: str
    parameters: int
    videos: int
    combinations: int
    steps: int
    flops: float
    seed: int


@dataclass(frozen=True)
class Interval:
    """A mean over videos and its 95 % percentile interval."""

    value: float
    low: float
    high: float
    count: int


def scores(
    outcomes: pa.Table, *, columns: RunColumns, split: str, kind: Kind, source: Source
) -> pa.Table:
    """The `SCORES` rows of one split from its outcomes; a metric that no video has is left out (all
    balls gone, say)."""
    per_video = {metric: video_means(outcomes, column=column) for metric, column in METRICS.items()}
    return score_table(per_video, columns=columns, split=split, kind=kind, source=source)


def score_table(
    per_video: Mapping[str, Float[np.ndarray, " count"]],
    *,
    columns: RunColumns,
    split: str,
    kind: Kind,
    source: Source,
) -> pa.Table:
    """`SCORES` rows from one value a video for each metric (NaN: this video does not count)."""
    rows = []
    for metric, values in per_video.items():
        kept = values[np.isfinite(values)]
        if len(kept):
            mean = bootstrap(kept)
            numbers = {"value": mean.value, "low": mean.low, "high": mean.high, "count": mean.count}
            rows.append(
                {
                    **columns,
                    "split": split,
                    "kind": kind,
                    "source": source,
                    "metric": metric,
                    **numbers,
                }
            )
    return pa.Table.from_pylist(rows, schema=SCORES)


def video_means(outcomes: pa.Table, *, column: str) -> Float[np.ndarray, " videos"]:
    """Mean over the bodies of each video, in the order of the videos' numbers; NaN where no body
    has a value.

    A reversal counts only where a speed could be measured: a vanished ball is neither reversed nor
    not."""
    if outcomes.num_rows == 0:
        return np.empty(0)
    values = pc.cast(outcomes[column], pa.float64())
    if column == "reversed":
        values = pc.if_else(pc.is_valid(outcomes["speed_m_s"]), values, None)
    grouped = (
        pa.table({"index": outcomes["index"], "value": values})
        .group_by("index")
        .aggregate([("value", "mean")])
        .sort_by("index")
    )
    return grouped["value_mean"].to_numpy(zero_copy_only=False).astype(np.float64)


def bootstrap(values: Float[np.ndarray, " videos"], *, seed: int = 0) -> Interval:
    """Percentile interval of the mean over resampled videos; the same values and seed give the same
    interval."""
    count = len(values)
    rng = np.random.Generator(np.random.Philox(key=seed))
    rows_at_once = max(BLOCK // count, 1)
    means = np.concatenate(
        [
            values[rng.integers(count, size=(min(rows_at_once, RESAMPLES - start), count))].mean(1)
            for start in range(0, RESAMPLES, rows_at_once)
        ]
    )
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high), count)
