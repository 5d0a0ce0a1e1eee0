"""Means of the official numbers over groups of rows (arXiv 2411.02385), with our intervals."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from physscale.evaluate.scores import bootstrap

OUT = ("zero", "radius", "speed", "both")


@dataclass(frozen=True)
class PaperScore:
    """The mean of a metric over a group (`nanmean`), with our 95 % bootstrap interval; None where
    no video has a number."""

    metric: str
    group: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    videos: int


def paper_scores(outcomes: pa.Table) -> tuple[PaperScore, ...]:
    """Every metric over every group, and over `ood`: all that is out of distribution, with balls at
    rest."""
    group = np.array(outcomes["group"].to_pylist(), object)
    groups = {"id": group == "id", "ood": np.isin(group, OUT)} | {
        name: group == name for name in ("radius", "speed", "both", "zero")
    }
    metrics = [name for name in outcomes.column_names if name not in ("index", "split", "group")]
    return tuple(
        _score(outcomes, metric=metric, group=name, rows=rows)
        for metric in metrics
        for name, rows in groups.items()
    )


def _score(outcomes: pa.Table, *, metric: str, group: str, rows: np.ndarray) -> PaperScore:
    values = outcomes[metric].to_numpy(zero_copy_only=False)[rows].astype(np.float64)
    kept = values[np.isfinite(values)]
    if len(kept) == 0:
        return PaperScore(metric, group, None, None, None, 0, int(rows.sum()))
    mean = bootstrap(kept)
    return PaperScore(metric, group, mean.value, mean.low, mean.high, mean.count, int(rows.sum()))
