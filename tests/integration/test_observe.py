"""Looking on while a run trains: numbers and pictures join its folder, its weights and its name
know nothing of it."""

from dataclasses import replace
from pathlib import Path

import av
import pytest
import torch

from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.records.metrics import read_metrics
from physscale.records.store import RunFolder, Store
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.peak_flops import product_flops_per_s
from physscale.run.trial import rungs
from physscale.run.validation import unseen
from physscale.simulate.spec import row_key
from tests.tiny import tiny_run

PLAIN = tiny_run(videos=32)
WATCHED = replace(PLAIN, train=replace(PLAIN.train, validate_every=8, sample_every=12))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, RunFolder]:
    stores = [Store(tmp_path_factory.mktemp(name)) for name in ("plain", "watched")]
    for store, run in zip(stores, (PLAIN, WATCHED), strict=True):
        execute(run, store=store, context=PlainContext())
    return stores[0].run(PLAIN.fingerprint), stores[1].run(WATCHED.fingerprint)


def test_a_watched_run_is_the_same_run(folders: tuple[RunFolder, RunFolder]) -> None:
    assert WATCHED.fingerprint == PLAIN.fingerprint
    plain, watched = folders
    for file in sorted((plain.checkpoints / "step_00000024").glob("*.safetensors")):
        assert file.read_bytes() == (watched.checkpoints / "step_00000024" / file.name).read_bytes()
    assert not list((plain.root / "videos").glob("step_*"))
    assert "validation_loss" not in read_metrics(plain.metrics)[-1]


def test_the_loss_on_unseen_videos_falls_and_is_the_one_that_tuning_sees(
    folders: tuple[RunFolder, RunFolder], tmp_path: Path
) -> None:
    lines = read_metrics(folders[1].metrics)
    assert [line["step"] for line in lines if "validation_loss" in line] == [8, 16, 24]
    losses = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert losses[0] > losses[1] > losses[2]
    (rung,) = rungs(PLAIN, store=Store(tmp_path), context=PlainContext(), shares=[1.0])
    assert rung.loss == losses[-1]
    assert row_key(unseen(PLAIN)) not in {row_key(split.data) for split in PLAIN.test_splits}


def test_every_so_often_a_moving_picture(folders: tuple[RunFolder, RunFolder]) -> None:
    files = sorted((folders[1].root / "videos").glob("step_*.mp4"))
    assert [file.stem for file in files] == ["step_00000012", "step_00000024"]
    with av.open(str(files[0])) as opened:
        frames = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    assert len(frames) == PLAIN.data.frames
    assert frames[-1].std() > 1


def test_pace_and_utilisation_are_in_the_history(folders: tuple[RunFolder, RunFolder]) -> None:
    for line in read_metrics(folders[1].metrics):
        assert line["videos_per_s"] == pytest.approx(8 / (line["ms_per_step"] / 1e3))
        assert 0 < line["mfu"] < 1
    assert "mfu" not in read_metrics(folders[0].metrics)[-1], (
        "measuring the device costs a plain run nothing"
    )


def test_the_device_multiplies_at_a_rate_that_is_possible() -> None:
    assert 1e9 < product_flops_per_s("cpu", dtype=torch.float32) < 1e14


def test_the_training_of_a_codec_says_how_far_it_is(tmp_path: Path) -> None:
    vae = VaeSpec(widths=(8, 8), groups=4, latent_channels=2)
    recipe = replace(PLAIN.codec, spec=vae, training=VaeTraining(steps=3, batch=1, frames=2))
    run, store = replace(PLAIN, codec=recipe), Store(tmp_path)
    codec_of(run, store=store)
    history = read_metrics(store.run(run.fingerprint).codec_fit)
    assert [line["step"] for line in history] == [1, 3], (
        "the first, one every two seconds, the last"
    )
    assert all(line["steps"] == 3 and line["reconstruction"] > 0 for line in history)
    again = replace(run, seed=1)
    codec_of(again, store=store)
    assert not store.run(again.fingerprint).codec_fit.exists(), "it is there already"
