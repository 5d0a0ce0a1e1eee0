"""The conditioning of a run: true of its row, mirrored with its video, the same however it is
fetched; from the data to the scores."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from physscale.finished.runs import Finished, read_run
from physscale.model.conditioning_spec import TextSpec
from physscale.model.dit_spec import DiTSpec
from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.run.conditioning import TrainingConditioning, conditioning_of, conditioning_source
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.simulate.describe import SCALES, mirrored, scaled_numbers, sentences
from physscale.simulate.phyre.scenario import Phyre, phyre_data
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.registry import scenario_named, scenario_names
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.train.latents import mirrors, order
from physscale.train.parallel import Workers
from tests.tiny import tiny_run

NUMBERS = DiTSpec(width=8, depth=1, heads=1, conditioning="numbers")
TEXT = replace(NUMBERS, conditioning="text")
ROWS = np.arange(6)
COLLISIONS = simulate(DataSpec(scenario=Collision(), videos=6), indices=ROWS)


@pytest.mark.parametrize("name", scenario_names())
def test_the_first_moment_alone_is_the_first_moment_of_the_video(name: str) -> None:
    data = DataSpec(scenario=scenario_named(name), videos=6)
    whole, first = simulate(data, indices=ROWS), simulate(replace(data, frames=1), indices=ROWS)
    model = replace(NUMBERS, bodies=whole.body.shape[1])
    for conditioned in (model, TEXT):
        spec = conditioned.conditioned_on
        ours, theirs = conditioning_of(spec, first), conditioning_of(spec, whole)
        assert ours is not None
        assert theirs is not None
        assert torch.equal(ours, theirs)
        assert len({row.numpy().tobytes() for row in ours}) == 6, (
            "conditioning of two rows are not the same"
        )


def test_numbers_are_the_rows_own_and_of_order_one() -> None:
    numbers = scaled_numbers(COLLISIONS)
    names = ["there", "disc", "box", "jar", "sticks", "cos", "sin", *SCALES]
    column = {name: numbers[:, :, at] for at, name in enumerate(names)}
    assert (column["there"] == 1).all()
    assert (column["disc"] == 1).all()
    assert not column["box"].any()
    np.testing.assert_allclose(5 + 5 * column["x_m"], COLLISIONS.state[:, 0, :, 0], rtol=1e-6)
    np.testing.assert_allclose(4 * column["vx_m_s"], COLLISIONS.state[:, 0, :, 3], rtol=1e-6)
    np.testing.assert_allclose(column["radius_m"], COLLISIONS.body[:, :, 1], rtol=1e-6)
    assert (column["red"] == [1, -1]).all()
    assert (column["blue"] == [-1, 1]).all()
    assert np.abs(numbers).max() < 3


def test_places_without_a_body_give_no_conditioning() -> None:
    rows = simulate(phyre_data(Phyre(), videos=4), indices=np.arange(4))
    there = (rows.body[:, :, 1] > 0).sum(axis=1)
    conditioning = conditioning_of(replace(NUMBERS, bodies=14).conditioned_on, rows)
    assert conditioning is not None
    assert conditioning[:, :, 0].sum(dim=1).tolist() == there.tolist()
    assert not conditioning[conditioning[:, :, 0] == 0].any()
    assert [text.count(". A ") + 1 for text in sentences(rows)] == there.tolist()
    with pytest.raises(
        UserError,
        match=rf"model bodies=2: scenario phyre has rows of {there.max()} bodies; use "
        rf"model.bodies={there.max()}",
    ):
        conditioning_of(NUMBERS.conditioned_on, rows)


def test_a_mirrored_row_is_conditioned_as_its_mirrored_frames_show_it() -> None:
    coins = np.array([True, False] * 3)
    there = mirrored(COLLISIONS, coins=coins)
    assert np.array_equal(there.state[1::2], COLLISIONS.state[1::2])
    drawn, straight = render(there, canvas=Canvas()), render(COLLISIONS, canvas=Canvas())
    apart = np.abs(drawn[::2].astype(int) - straight[::2, :, :, ::-1].astype(int))
    assert apart.max() <= 1, "the mirrored state's frames are the frames, mirrored"
    text, before = sentences(there)[0], sentences(COLLISIONS)[0]
    assert text != before
    assert f"velocity ({-COLLISIONS.state[0, 0, 0, 3]:.2f}, " in text
    again = mirrored(there, coins=coins)
    np.testing.assert_allclose(again.state, COLLISIONS.state, atol=1e-5)


@pytest.mark.parametrize("model", [NUMBERS, TEXT], ids=["numbers", "text"])
@pytest.mark.parametrize("flip", ["none", "horizontal"])
def test_conditioning_held_is_that_made_is_that_of_the_batch(
    model: DiTSpec, flip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tiny_run()
    run = replace(plain, model=model, train=replace(plain.train, flip=flip))
    rows, seed, step = order(3, videos=16, batch=8, step=5), 3, 5
    truth = simulate(run.data, indices=rows)
    coins = mirrors(seed, batch=8, step=step) if flip == "horizontal" else np.zeros(8, np.bool_)
    expected = conditioning_of(model.conditioned_on, mirrored(truth, coins=coins))
    assert expected is not None
    assert torch.equal(
        TrainingConditioning(run).batch(step, seed=seed, batch=8, workers=Workers()), expected
    )
    monkeypatch.setattr("physscale.run.conditioning.HELD_BYTES", 0)
    assert torch.equal(
        TrainingConditioning(run).batch(step, seed=seed, batch=8, workers=Workers()), expected
    )


def test_a_model_without_conditioning_has_no_source_of_it() -> None:
    assert conditioning_source(tiny_run()) is None
    assert conditioning_of(tiny_run().model.conditioned_on, COLLISIONS) is None


def test_characters_are_the_sentence_and_blanks() -> None:
    conditioning = conditioning_of(TEXT.conditioned_on, COLLISIONS)
    assert conditioning is not None
    said = [bytes(row[row > 0].to(torch.uint8).tolist()).decode() for row in conditioning]
    assert said == sentences(COLLISIONS)
    with pytest.raises(
        UserError, match=r"text tokens=20: 'A red ball of .* raise model.text.tokens"
    ):
        conditioning_of(replace(TEXT, text=TextSpec(tokens=20)).conditioned_on, COLLISIONS)


def word_lengths(said: list[str]) -> np.ndarray:
    """A text encoder of somebody's own: of each of 12 words its length and its first letter."""
    words = [(text.split() + [""] * 12)[:12] for text in said]
    return np.array(
        [[[len(word), ord(word[0]) if word else 0] for word in row] for row in words], np.float32
    )


OWN = TextSpec(tokens=12, features=2, width=8, encoder=f"{__name__}:word_lengths")


def test_a_text_encoder_of_ones_own_is_asked() -> None:
    conditioning = conditioning_of(replace(TEXT, text=OWN).conditioned_on, COLLISIONS)
    assert conditioning is not None
    assert conditioning.shape == (6, 12, 2)
    assert conditioning[0, 1].tolist() == [3, ord("r")], "red"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            replace(OWN, encoder="no.such:encoder"),
            r"text encoder='no.such:encoder': No module named 'no'; name a function that python "
            r"can",
        ),
        (replace(OWN, encoder=f"{__name__}:none"), r"has no attribute 'none'"),
        (replace(OWN, tokens=13), r"gave float32\[6, 12, 2\], float32\[6, 13, 2\] is due"),
    ],
)
def test_a_wrong_text_encoder_is_one_line(text: TextSpec, message: str) -> None:
    with pytest.raises(UserError, match=message):
        conditioning_of(replace(TEXT, text=text).conditioned_on, COLLISIONS)


@pytest.mark.parametrize(
    "text",
    [None, TextSpec(tokens=80, width=8, heads=1, depth=1), OWN],
    ids=["numbers", "characters", "own"],
)
def test_a_run_is_conditioned_from_its_data_to_its_scores_and_opens_again(
    text: TextSpec | None, tmp_path: Path
) -> None:
    run = conditioned_run(text)
    store = Store(tmp_path)
    execute(run, store=store, context=PlainContext())
    folder = store.run(run.fingerprint)
    scores = pq.read_table(folder.scores).to_pylist()
    assert all(
        np.isfinite(row["value"])
        for row in scores
        if row["source"] == "model" and row["metric"] == "loss"
    )
    history = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert history[-1]["validation_loss"] > 0
    assert history[-1]["mfu"] > 0
    one = Finished(read_run(folder), store)
    assert one.run.fingerprint == run.fingerprint
    assert one.model(device="cpu").spec.conditioning == run.model.conditioning


def conditioned_run(text: TextSpec | None) -> RunSpec:
    plain = tiny_run(steps=6)
    model = (
        replace(plain.model, conditioning="numbers")
        if text is None
        else replace(plain.model, conditioning="text", text=text)
    )
    objective = replace(plain.objective, guidance=1.5, condition_dropout=0.3)
    return replace(
        plain,
        model=model,
        objective=objective,
        train=replace(plain.train, flip="horizontal", validate_every=3, sample_every=6),
    )
