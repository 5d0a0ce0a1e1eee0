"""Tuning: what a trial measures is what a training gives, and tuned rates beat bad ones."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.trial import rungs
from physscale.run.validation import VALIDATION_SEED
from physscale.scheduling.resources import Machine
from physscale.simulate.spec import row_key
from physscale.study.spec import Study
from physscale.study.tune import to_tune, tune_study, tuning_flops
from physscale.study.tuned import read_tuned, take_tuned
from tests.tiny import tiny_run

RUN = tiny_run(steps=60, videos=64)
BAD = replace(RUN, train=replace(RUN.train, learning_rate=1e-6, muon_learning_rate=1e-5))


def final_loss(run: object, *, store: Store) -> float:
    (rung,) = rungs(run, store=store, context=PlainContext(), shares=[1.0])  # type: ignore[arg-type]
    return rung.loss


def test_a_trial_sees_what_the_training_ends_with(tmp_path: Path) -> None:
    import numpy as np

    from physscale.run.codec import codec_of
    from physscale.run.training_data import training_latents
    from physscale.train.loop import train
    from physscale.train.task import TrainTask

    store, context = Store(tmp_path), PlainContext()
    stops = list(rungs(RUN, store=store, context=context, shares=[1 / 9, 1 / 3, 1.0]))
    assert [rung.step for rung in stops] == [7, 20, 60]
    assert stops[0].loss > stops[1].loss > stops[2].loss
    codec = codec_of(RUN, store=store)
    latents = training_latents(RUN, codec=codec, context=context)
    task = TrainTask(
        model=RUN.model, objective=RUN.objective, train=RUN.train, seed=RUN.seed, latents=latents,
        checkpoints=tmp_path / "checkpoints", metrics=tmp_path / "metrics.jsonl",
    )  # fmt: skip
    unseen = replace(
        RUN,
        data=replace(
            RUN.data, videos=96, seed=VALIDATION_SEED, draw="held_out", split="validation"
        ),
    )
    validation = training_latents(unseen, codec=codec, context=context).latents
    model = train(task, context=context).model
    loss = (
        RUN.objective.build()
        .held_out(model, validation, indices=np.arange(96).tolist())
        .as_trained.double()
        .mean()
    )
    assert stops[2].loss == float(loss)


def test_a_trial_that_is_left_reads_no_more(tmp_path: Path) -> None:
    trial = rungs(RUN, store=Store(tmp_path), context=PlainContext(), shares=[1 / 9, 1.0])
    assert next(trial).step == 7
    assert "batches" in {thread.name for thread in threading.enumerate()}
    del trial
    assert "batches" not in {thread.name for thread in threading.enumerate()}


def test_no_test_split_is_looked_at() -> None:
    unseen = replace(RUN.data, seed=VALIDATION_SEED, draw="held_out")
    assert row_key(unseen) not in {row_key(split.data) for split in RUN.test_splits}


def test_the_widths_to_tune_are_spread_over_the_study() -> None:
    widths = (8, 16, 24, 32, 64)
    runs = [
        replace(RUN, model=replace(RUN.model, width=width), workers=workers)
        for width in widths
        for workers in (1, 2)
    ]
    study = Study(name="sizes", question="?", groups={"all": runs})
    assert [run.model.width for run in to_tune(study, sizes=3)] == [8, 24, 64]
    assert [run.model.width for run in to_tune(study, sizes=99)] == list(widths)
    assert tuning_flops(to_tune(study, sizes=1), trials=4) > 0
    with pytest.raises(UserError, match="--sizes 0"):
        to_tune(study, sizes=0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tuned_rates_beat_bad_ones_and_go_on_where_they_were(tmp_path: Path) -> None:
    study, store = Study(name="bad", question="?", groups={"all": [BAD]}), Store(tmp_path / "bad")
    said: list[str] = []

    def tune() -> None:
        tune_study(
            study,
            runs=[BAD],
            trials=8,
            store=store,
            machine=Machine(),
            out=tmp_path / "tuned.json",
            say=said.append,
        )

    tune()
    tuned = read_tuned(tmp_path / "tuned.json")
    (size,) = tuned.sizes
    assert size.recipe_loss == pytest.approx(final_loss(BAD, store=store), rel=1e-6), (
        "the recipe itself is trained to its end"
    )
    assert size.loss < 0.8 * size.recipe_loss
    (better,) = take_tuned(study, tuned=tuned).runs.values()
    assert final_loss(better, store=store) == pytest.approx(size.loss, rel=0.02), (
        "rates are rounded to four digits"
    )
    assert not list(store.root.glob(".tune-*"))
    before = (tmp_path / "tuned.json").read_bytes()
    tune()
    assert (tmp_path / "tuned.json").read_bytes() == before
    assert said[0] == said[1]
