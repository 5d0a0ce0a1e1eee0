"""One run from description to scores, undisturbed and disturbed."""

import dataclasses
import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from physscale.dataset.file import read_videos
from physscale.finished.tables import write_study_tables
from physscale.records.errors import DamagedData, Preempted, UserError
from physscale.records.json_file import read_json
from physscale.records.metrics import read_metrics
from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.store import Store, read_folder
from physscale.run.context import PlainContext
from physscale.run.execute import execute, run_record
from physscale.run.spec import TestSplit
from tests.sweep_doubles import Stopper
from tests.tiny import tiny_run

RUN = tiny_run()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("study"))
    execute(RUN, store=store, context=PlainContext())
    return store


def numbers(store: Store) -> list[dict[str, object]]:
    return [
        {k: v for k, v in row.items() if k != "study"}
        for row in pq.read_table(store.run(RUN.fingerprint).scores).to_pylist()
    ]


def history(store: Store) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in read_metrics(store.run(RUN.fingerprint).metrics)]


def test_every_test_split_has_scores_of_model_floors_and_baselines(done: Store) -> None:
    table = pq.read_table(done.run(RUN.fingerprint).scores)
    assert table.schema.equals(SCORES)
    rows = table.to_pylist()
    for split in RUN.test_splits:
        found = {
            (row["source"], row["metric"])
            for row in rows
            if row["split"] == split.data.split and row["kind"] == split.kind
        }
        assert {
            ("model", "loss"),
            ("model", "vanish_rate"),
            ("truth", "velocity_error"),
            ("codec", "velocity_error"),
        } <= found
        assert {
            ("clamp", "velocity_error"),
            ("mean_speed", "velocity_error"),
            ("extrapolate", "velocity_error"),
        } <= found
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_clamp_is_right_inside_the_trained_range_and_wrong_outside(done: Store) -> None:
    clamp = {
        r["split"]: r["value"]
        for r in numbers(done)
        if r["source"] == "clamp" and r["metric"] == "velocity_error"
    }
    assert clamp["id"] == pytest.approx(0, abs=1e-6)
    assert 0.5 <= clamp["speed_high"] <= 2.0


def test_samples_have_the_schema_of_data_and_keep_the_given_frames(done: Store) -> None:
    samples = read_videos(done.run(RUN.fingerprint).samples("id"))
    assert samples.pixels is not None
    assert samples.pixels.shape == (4, 16, 16, 16, 3)
    assert set(samples.split) == {"id"}


def test_the_outcomes_name_every_scored_video(done: Store) -> None:
    table = pq.read_table(done.run(RUN.fingerprint).outcomes)
    assert table.schema.equals(OUTCOMES)
    assert {(row["split"], row["index"]) for row in table.to_pylist()} <= {
        (one.data.split, i) for one in RUN.test_splits for i in range(4)
    }


def test_the_run_file_says_what_was_run(done: Store) -> None:
    record = read_json(done.run(RUN.fingerprint).spec)
    assert record == json.loads(json.dumps(run_record(RUN)))
    assert record["spec"]["data"]["scenario"]["type"] == "UniformMotion"


def test_again_gives_the_same_numbers(done: Store, tmp_path: Path) -> None:
    again = Store(tmp_path)
    execute(RUN, store=again, context=PlainContext())
    assert numbers(again) == numbers(done)
    assert history(again) == history(done)


def test_stopped_and_resumed_equals_undisturbed(done: Store, tmp_path: Path) -> None:
    store = Store(tmp_path)
    for questions in (5, 9):
        with pytest.raises(Preempted):
            execute(RUN, store=store, context=PlainContext(stop_requested=Stopper(questions)))
    execute(RUN, store=store, context=PlainContext())
    assert history(store) == history(done)
    assert numbers(store) == numbers(done)


def run_there(root: Path) -> None:
    execute(RUN, store=Store(root), context=PlainContext())


@pytest.mark.parametrize("after", ["codecs", "checkpoints", "samples"])
def test_killed_and_resumed_equals_undisturbed(done: Store, tmp_path: Path, after: str) -> None:
    child = multiprocessing.get_context("spawn").Process(target=run_there, args=(tmp_path,))
    child.start()
    while child.is_alive() and not list(tmp_path.rglob(f"{after}/*")):
        time.sleep(0.005)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    run_there(tmp_path)
    assert history(Store(tmp_path)) == history(done)
    assert numbers(Store(tmp_path)) == numbers(done)


def test_a_damaged_codec_is_made_again(done: Store, tmp_path: Path) -> None:
    store = Store(tmp_path)
    execute(RUN, store=store, context=PlainContext())
    folder = store.codec(RUN.codec_fingerprint)
    good = (folder / "codec.safetensors").read_bytes()
    (folder / "codec.safetensors").write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(DamagedData):
        read_folder(folder)
    execute(RUN, store=store, context=PlainContext())
    assert (read_folder(folder) / "codec.safetensors").read_bytes() == good
    assert numbers(store) == numbers(done)


def test_gathered_tables_carry_the_study_s_groups(done: Store) -> None:
    write_study_tables(done, groups={RUN.fingerprint: "data", "f" * 64: "absent"})
    assert set(pq.read_table(done.scores)["group"].to_pylist()) == {"data"}
    assert (
        pq.read_table(done.outcomes).num_rows
        == pq.read_table(done.run(RUN.fingerprint).outcomes).num_rows
    )


def test_a_test_split_cannot_be_the_training_set() -> None:
    with pytest.raises(UserError, match="held_out"):
        TestSplit(kind="id", data=RUN.data)


@pytest.mark.parametrize(
    "field",
    [
        field.name
        for field in dataclasses.fields(RUN)
        if field.name not in {"canvas", "codec", "test_splits"}
    ],
)
def test_what_decides_the_result_decides_the_fingerprint(field: str) -> None:
    changed = {
        "data": replace(RUN.data, videos=17),
        "model": replace(RUN.model, depth=2),
        "objective": replace(RUN.objective, prediction="v"),
        "train": replace(RUN.train, steps=25),
        "seed": 1,
        "workers": 2,
        "score_precision": "bf16",
        "latent_precision": "bf16",
    }[field]
    assert replace(RUN, **{field: changed}).fingerprint != RUN.fingerprint
