"""A plan counts the codecs that are still to be trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.paper import study as paper
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
    """Three laws, three codecs, 27 runs. A convolution in bfloat16 counts at half of 312 TFLOP/s,
    one in float32 at half of TF32's 156."""
    store = Store(tmp_path)
    found = codec_cost(RUNS, store=store, pace=A100)
    (training,) = {run.codec.training for run in RUNS}
    assert training is not None
    each = RUNS[0].codec.spec.training_flops(training, size_px=128)
    rate = 156e12 if training.precision == "bf16" else 78e12
    assert (found.count, found.flops) == (3, pytest.approx(3 * each))
    assert found.seconds == pytest.approx(3 * each / rate)
    store.codec(RUNS[0].codec_fingerprint).mkdir(parents=True)
    assert codec_cost(RUNS, store=store, pace=A100).count == 2
    assumed = codec_cost(RUNS, store=store, pace=Speed(1e12, ""))
    assert assumed.seconds == pytest.approx(2 * each / 1e12)


def test_components_are_fitted_and_not_trained(tmp_path: Path) -> None:
    runs = tiny_study(seeds=range(2)).runs.values()
    assert codec_cost(runs, store=Store(tmp_path), pace=A100).notes == []


def test_a_codec_that_its_card_does_not_hold_is_refused() -> None:
    held = codec_memory(RUNS[0]) + CONTEXT_BYTES
    small = replace(card("a100"), memory_bytes=held - 1)
    with pytest.raises(UserError, match=r"a100 has .* its codec needs most: try codec.training"):
        check_fits(RUNS[:1], rates=small, machine=Machine())
