"""A plan counts the codecs that are still to be trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.paper import study as paper
from physscale.codec.training_spec import VaeTraining
from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.run.device_memory import CONTEXT_BYTES, codec_memory
from physscale.scheduling.resources import Machine
from physscale.study.card_memory import check_fits
from physscale.study.codec_cost import codec_cost
from physscale.study.devices import card
from physscale.study.speed import DeviceSpeed, Speed
from tests.sweep_doubles import tiny_study

A100 = DeviceSpeed(rates=card("a100"), machine=Machine())
RUNS = list(paper.runs.values())


def test_each_codec_is_trained_once(tmp_path: Path) -> None:
    """Two codecs, of one ball and of two, for 27 runs. Each of 32 workers sees one clip of 32. A
    convolution in bfloat16 counts at half of 312 TFLOP/s, one in float32 at half of TF32's 156."""
    store = Store(tmp_path)
    found = codec_cost(RUNS, store=store, pace=A100)
    (training,) = {run.codec.training for run in RUNS}
    assert training is not None
    spec = RUNS[0].codec.spec
    each = spec.training_flops(training, size_px=128)
    rate = 156e12 if training.precision == "bf16" else 78e12
    assert (found.count, found.flops) == (2, pytest.approx(2 * each))
    assert found.alone_s == pytest.approx(2 * each / rate)
    averaged_s = 2000 * 2 * 31 / 32 * 4 * spec.trained_parameters() / 25e9
    assert found.seconds == pytest.approx(2 * (each / 32 / rate + averaged_s))
    assert found.memory_bytes == codec_memory(RUNS[0], workers=32) < found.alone_bytes
    store.codec(RUNS[0].codec_fingerprint).mkdir(parents=True)
    assert codec_cost(RUNS, store=store, pace=A100).count == 1
    assumed = codec_cost(RUNS, store=store, pace=Speed(1e12, ""))
    assert assumed.seconds == pytest.approx(each / 1e12), "of all the run's workers"
    assert assumed.alone_s == pytest.approx(32 * assumed.seconds)


@pytest.mark.parametrize(("workers", "clips"), [(1, 32), (3, 11), (32, 1), (64, 1)])
def test_the_busiest_worker_decides(workers: int, clips: int) -> None:
    """32 clips. Up to eight workers are on one node, whose link is NVLink's 300 GB/s."""
    run = RUNS[0]
    own_s = clips / 32 * A100.codec_s(run, workers=1)
    link = 300e9 if workers <= 8 else 25e9
    sent = 2000 * 8 * (workers - 1) / workers * run.codec.spec.trained_parameters()
    assert A100.codec_s(run, workers=workers) == pytest.approx(own_s + sent / link)


def test_the_workers_of_the_longest_run_train_its_codec(tmp_path: Path) -> None:
    few = replace(RUNS[0], workers=2)
    for runs in ([few, RUNS[1]], [RUNS[1], few]):
        found = codec_cost(runs, store=Store(tmp_path), pace=A100)
        assert found.count == 1
        assert found.seconds == A100.codec_s(runs[0], workers=runs[0].workers)
        assert found.alone_s == A100.codec_s(few, workers=1)


def test_the_note_says_both_ways_where_they_differ(tmp_path: Path) -> None:
    found = codec_cost(RUNS, store=Store(tmp_path), pace=A100)
    ((said,), (alone,)) = found.notes, found.alone_notes
    assert "by `physscale encode`, " in said
    assert said.endswith(alone.rpartition("about ")[-1])
    one = codec_cost([replace(RUNS[0], workers=1)], store=Store(tmp_path), pace=A100)
    assert one.notes == one.alone_notes


def test_components_are_fitted_and_not_trained(tmp_path: Path) -> None:
    runs = tiny_study(seeds=range(2)).runs.values()
    assert codec_cost(runs, store=Store(tmp_path), pace=A100).notes == []


def test_a_codec_that_its_card_does_not_hold_is_refused() -> None:
    wide = VaeTraining(batch=32 * RUNS[0].workers, frames=8)
    run = replace(RUNS[0], codec=replace(RUNS[0].codec, training=wide))
    held = codec_memory(run, workers=run.workers) + CONTEXT_BYTES
    small = replace(card("a100"), memory_bytes=held - 1)
    with pytest.raises(UserError, match=r"a100 has .* its codec needs most: try codec.training"):
        check_fits([run], rates=small, machine=Machine())
