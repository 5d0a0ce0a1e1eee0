"""Scores: means over videos with 95 % bootstrap intervals, as rows of `SCORES`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TypedDict

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from physscale.records.scores import SCORES, Source, SplitKind

RESAMPLES = 1000
BLOCK = 2_000_000
"""Number of resampled values in memory at a time."""


class RunColumns(TypedDict):
    """The columns that are the same in every score row of a run."""

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


@dataclass(frozen=True)
class Line:
    """The mean of a metric over a group of videos with its 95 % interval; None where no video has a
    value. `floor` is the mean of the true frames, drawn and measured in the same way."""

    metric: str
    group: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    floor: float | None = None


def line(metric: str, *, group: str, values: Float[np.ndarray, " videos"]) -> Line:
    """The mean of the values that are finite."""
    kept = values[np.isfinite(values)]
    if not len(kept):
        return Line(metric, group, None, None, None, 0)
    mean = bootstrap(kept)
    return Line(metric, group, mean.value, mean.low, mean.high, mean.count)


def score_table(
    per_video: Mapping[str, Float[np.ndarray, " count"]],
    *,
    columns: RunColumns,
    split: str,
    kind: SplitKind,
    source: Source,
) -> pa.Table:
    """`SCORES` rows from one value per video and metric; a video with NaN does not count."""
    rows = []
    shared = {**columns, "split": split, "kind": kind, "source": source}
    for metric, values in per_video.items():
        kept = values[np.isfinite(values)]
        if len(kept):
            mean = bootstrap(kept)
            rows.append({**shared, "metric": metric, **asdict(mean)})
    return pa.Table.from_pylist(rows, schema=SCORES)


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
