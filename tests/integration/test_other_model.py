"""A run that is neither a transformer nor diffusion goes the whole way: trained, watched, scored,
sampled, probed."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from physscale.finished.model_probes import feature_record, twin_record
from physscale.finished.runs import Finished
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.model.unet_spec import UNetSpec
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.study.plan import label
from tests.tiny import tiny_run

TINY = tiny_run(steps=4)
RUN = replace(
    TINY,
    model=UNetSpec(width=8),
    objective=AutoregressiveSpec(condition_frames=2, context_frames=3),
    train=replace(TINY.train, validate_every=2, sample_every=4),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    store = Store(tmp_path_factory.mktemp("other"))
    execute(RUN, store=store, context=PlainContext())
    return Finished(RUN, store)


def test_is_watched_and_scored(finished: Finished) -> None:
    history = read_metrics(finished.folder.metrics)
    assert all(np.isfinite(row["validation_loss"]) for row in history)
    assert finished.folder.video("step_00000004").exists()
    rows = pq.read_table(finished.folder.scores).to_pylist()
    values = {(row["split"], row["metric"]): row["value"] for row in rows}
    assert values["id", "loss"] > 0
    assert values["id", "loss_grid"] > 0
    assert label(RUN) == "uniform unet8x3 next-frame D=16 seed=0"


def test_keeps_its_own_given_frames(finished: Finished) -> None:
    split = RUN.test_splits[0]
    file = finished.samples(split)
    (samples,) = file.parts()
    codec = finished.codec(device="cpu")
    true = finished.true_frames(samples, codec=codec)
    apart = np.abs(samples.frames.astype(int) - true.astype(int)).max(axis=(0, 2, 3, 4))
    assert (apart[:2] <= 1).all()
    assert (apart[2:] > 1).all()


def test_is_probed(finished: Finished) -> None:
    assert {row["split"] for row in twin_record(finished, "cpu")["twins"]} == {"id", "speed_high"}
    layers = {row["layer"] for row in feature_record(finished, "cpu")["probes"]}
    assert {"given latents", "block 1", "block 5", "untrained block 5"} <= layers
