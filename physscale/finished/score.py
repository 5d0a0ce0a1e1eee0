"""Scores finished runs again after a metric was added, from the samples on disk and without the
model.

Only the requested metrics are computed. All other rows of a run's table stay as they are, above all
the losses, which need the model. Each run's table is replaced whole, so after a kill the same
command continues."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from physscale.dataset.file import VideoFile
from physscale.evaluate.metrics import METRICS, VideoMetric, metrics_of
from physscale.evaluate.scores import RunColumns
from physscale.finished.runs import Finished
from physscale.finished.tables import planned_groups, write_study_tables
from physscale.records.errors import DamagedData, UserError
from physscale.records.scores import Source
from physscale.records.store import Store
from physscale.records.tables import computed_metrics, read_scores, write_parquet, write_scores
from physscale.run.baseline_tracks import TrainingRows
from physscale.run.scored_split import scored_split
from physscale.run.sources import measured
from physscale.run.spec import TestSplit
from physscale.scheduling.gpus import Device

__all__ = ["Missing", "asked_metrics", "missing_metrics", "rewrite_study_tables", "score_again"]

_SOURCES = {source: place for place, source in enumerate(get_args(Source))}


@dataclass(frozen=True)
class Missing:
    """A finished run, and the metrics that its table lacks."""

    finished: Finished
    metrics: tuple[VideoMetric, ...]


def asked_metrics(names: Iterable[str]) -> list[VideoMetric]:
    """The metrics with these names; without a name, every metric that a run is scored on.

    Raises:
        UserError: for an unknown metric, or one that `physscale evaluate STUDY` computes.
    """
    chosen = [METRICS.named(name) for name in names]
    for metric in chosen:
        if metric.when != "run":
            raise UserError(
                f"metric {metric.name!r} is slow: `physscale evaluate results/STUDY` computes it"
            )
    return chosen or metrics_of("run")


def missing_metrics(
    runs: Iterable[Finished], *, metrics: Sequence[VideoMetric], again: bool
) -> list[Missing]:
    """The runs whose tables lack some of these metrics; `again` counts every metric as missing."""
    found = []
    for one in runs:
        computed = set() if again else computed_metrics(one.folder.scores)
        lacking = tuple(metric for metric in metrics if metric.name not in computed)
        if lacking:
            found.append(Missing(one, lacking))
    return found


def score_again(missing: Missing, *, outcomes: bool, device: Device) -> None:
    """Computes the missing metrics on every test split and writes the run's table of scores.

    Args:
        outcomes: whether to write the table of outcomes again as well.
        device: where the codec computes.

    Raises:
        DamagedData: if samples are missing or unreadable.
    """
    one, names = missing.finished, [metric.name for metric in missing.metrics]
    old, training = read_scores(one.folder.scores), TrainingRows(one.run)
    codec = one.codec(device=device)
    found = [
        measured(
            scored_split(one.run, split, columns=_columns(one), metrics=missing.metrics),
            _frames(one.samples(split), split=split),
            recode=lambda part: codec.decode(codec.encode(part.pixels)),
            training=training,
        )
        for split in one.run.test_splits
    ]
    if outcomes:
        write_parquet(one.folder.outcomes, pa.concat_tables([split.outcomes for split in found]))
    replaced = pc.is_in(old["metric"], pa.array(names))
    kept = old.filter(pc.invert(replaced))
    scores = pa.concat_tables([kept, *(split.scores for split in found)])
    computed = {*computed_metrics(one.folder.scores), *names}
    write_scores(one.folder.scores, _in_order(scores, one), metrics=computed)


def rewrite_study_tables(store: Store, *, runs: Iterable[Finished]) -> None:
    """Writes the study's tables from its runs; if the folder holds no study, from these runs."""
    write_study_tables(
        store, groups=planned_groups(store) or {one.run.fingerprint: "" for one in runs}
    )


def _frames(samples: VideoFile, *, split: TestSplit) -> Iterator[np.ndarray]:
    if not samples.has_frames or len(samples.states) != split.data.videos:
        raise DamagedData(
            f"{samples.path}: not the {split.data.videos} videos of test split "
            f"{split.data.split!r}; the same `physscale run` makes them again"
        )
    return (part.frames for part in samples.parts())


def _columns(one: Finished) -> RunColumns:
    """The columns as the run's rows have them, since sizes and FLOPs follow the formulas of their
    time."""
    first = read_scores(one.folder.scores).slice(0, 1).to_pylist()[0]
    return RunColumns(
        study=first["study"],
        run=first["run"],
        group=first["group"],
        parameters=first["parameters"],
        videos=first["videos"],
        combinations=first["combinations"],
        steps=first["steps"],
        flops=first["flops"],
        seed=first["seed"],
    )


def _in_order(scores: pa.Table, one: Finished) -> pa.Table:
    """The rows by split, source and metric, in the order of a run that is scored only once."""
    splits = {split.data.split: place for place, split in enumerate(one.run.test_splits)}
    metrics = {name: place for place, name in enumerate(METRICS.entries())}
    keys = [
        (splits[row["split"]], _SOURCES[row["source"]], metrics.get(row["metric"], -1))
        for row in scores.select(["split", "source", "metric"]).to_pylist()
    ]
    return scores.take(sorted(range(len(keys)), key=keys.__getitem__))
