"""A trained model on its test splits: held-out loss, samples, floors and baselines, as score and
outcome rows.

The tables of each split are kept as soon as they are made (`scoring/` in the run's folder), so an
attempt that is interrupted repeats no split. The run's two tables join them at the end."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from physscale.codec.protocol import Codec
from physscale.dataset.file import rows_at_once, write_videos
from physscale.dataset.mp4 import write_mp4
from physscale.evaluate.metrics import metrics_of
from physscale.model.backbone import Backbone
from physscale.records.errors import DamagedData
from physscale.records.scores import OUTCOMES
from physscale.records.spec import short
from physscale.records.store import MANIFEST, RunFolder, sha256_of
from physscale.records.tables import (
    computed_metrics,
    read_parquet,
    read_scores,
    write_parquet,
    write_scores,
)
from physscale.run.baseline_tracks import TrainingRows
from physscale.run.context import Context
from physscale.run.cost import PICTURED_VIDEOS
from physscale.run.inference import inference_of, parts_of
from physscale.run.pictures import FRAMES_PER_S, beside
from physscale.run.sampled import Sampled
from physscale.run.sampling import Sampler
from physscale.run.scored_split import ScoredSplit, run_columns, scored_split
from physscale.run.sources import Measured, measured
from physscale.run.spec import RunSpec, TestSplit
from physscale.train.parallel import Workers

__all__ = ["Trained", "score_run"]


@dataclass(frozen=True)
class Trained:
    """What is scored; `checkpoint` is the folder that holds the model."""

    model: Backbone
    codec: Codec
    study: str
    checkpoint: Path


def score_run(run: RunSpec, *, trained: Trained, folder: RunFolder, context: Context) -> None:
    """Write samples, videos, outcomes and scores of every test split. The run's two tables come
    last: if they are there, everything is. Every worker calls it; the first one writes.

    Raises:
        Preempted: when the context asks to stop.
    """
    workers = Workers(rank=context.rank, world=context.world)
    kept = _Kept.of(trained, folder=folder, workers=workers)
    has = bytes(workers.rank == 0 and kept.has(split) for split in run.test_splits)
    there = workers.gathered(has)[0]
    missing = [split for split, has in zip(run.test_splits, there, strict=True) if not has]
    sampler = Sampler(
        run=run,
        inference=inference_of(run, trained.model),
        codec=trained.codec,
        folder=kept.folder,
    )
    training, columns = TrainingRows(run), run_columns(run, study=trained.study)
    for split, made in sampler.sampled(missing, context=context):
        case = scored_split(run, split, columns=columns, metrics=metrics_of("run"))
        _write_samples(case, made=made, folder=folder)
        kept.write(split, losses=_losses(case, made=made), found=_measured(case, made, training))
    if workers.rank == 0:
        kept.join(run, folder=folder)


def _write_samples(case: ScoredSplit, *, made: Sampled, folder: RunFolder) -> None:
    samples = case.truth.with_pixels(made.samples)
    write_videos(folder.samples(case.split), samples, run=case.run.fingerprint)
    first = slice(PICTURED_VIDEOS)
    shown = beside(case.take(first).pixels, made.samples[first])
    write_mp4(folder.video(case.split), shown, frames_per_s=FRAMES_PER_S)


def _measured(case: ScoredSplit, made: Sampled, training: TrainingRows) -> Measured:
    parts = parts_of(len(made.samples), at_once=rows_at_once(made.samples[:1].nbytes))
    return measured(
        case,
        (made.samples[rows] for rows in parts),
        recode=lambda part: made.recoded[part.truth.index],
        training=training,
    )


def _losses(case: ScoredSplit, *, made: Sampled) -> pa.Table:
    losses = {"loss": made.from_given, "loss_grid": made.as_trained}
    return case.table(
        {name: values.astype(np.float64) for name, values in losses.items()}, source="model"
    )


@dataclass(frozen=True)
class _Kept:
    """The tables of the splits that are scored already, in a folder for these weights: those of
    other weights do not count."""

    folder: Path

    @staticmethod
    def of(trained: Trained, *, folder: RunFolder, workers: Workers) -> "_Kept":
        """The first worker names the weights."""
        first = workers.rank == 0
        own = sha256_of(trained.checkpoint / MANIFEST) if first else "00" * 32
        return _Kept(folder.scoring / short(workers.gathered(bytes.fromhex(own))[0].hex()))

    def has(self, split: TestSplit) -> bool:
        """Whether the split has been scored on all of today's metrics. Damaged tables do not
        count."""
        scores, outcomes = self._scores(split), self._outcomes(split)
        if not (scores.exists() and outcomes.exists()):
            return False
        try:
            read_parquet(outcomes, OUTCOMES)
            return {one.name for one in metrics_of("run")} <= computed_metrics(scores)
        except DamagedData:
            return False

    def write(self, split: TestSplit, *, losses: pa.Table, found: Measured) -> None:
        """The scores come last."""
        write_parquet(self._outcomes(split), found.outcomes)
        scores = pa.concat_tables([losses, found.scores])
        write_scores(self._scores(split), scores, metrics=[one.name for one in metrics_of("run")])

    def join(self, run: RunSpec, *, folder: RunFolder) -> None:
        """Write the run's tables, and remove those of its splits."""
        outcomes = [read_parquet(self._outcomes(split), OUTCOMES) for split in run.test_splits]
        scores = [read_scores(self._scores(split)) for split in run.test_splits]
        write_parquet(folder.outcomes, pa.concat_tables(outcomes))
        names = [one.name for one in metrics_of("run")]
        write_scores(folder.scores, pa.concat_tables(scores), metrics=names)
        shutil.rmtree(folder.scoring)

    def _outcomes(self, split: TestSplit) -> Path:
        return self.folder / f"{split.data.split}.outcomes.parquet"

    def _scores(self, split: TestSplit) -> Path:
        return self.folder / f"{split.data.split}.scores.parquet"
