"""Finished runs are measured a few videos at a time; their number changes no result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset import file
from physscale.evaluate.metrics import metrics_of
from physscale.finished.frames import evaluated, units_of
from physscale.finished.probe import probe_runs
from physscale.finished.probe_words import Question
from physscale.finished.runs import Finished, finished_runs
from physscale.finished.score import missing_metrics, score_again
from physscale.records.store import Store
from physscale.records.tables import read_scores
from physscale.render.canvas import Canvas
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from tests.tiny import tiny_run

VIDEOS = 15
AT_ONCE = 7
"""Fewer than the 12 videos that SSIM looks at."""


def run() -> RunSpec:
    tiny = replace(tiny_run(steps=4), canvas=Canvas(size_px=32))
    splits = tuple(
        replace(split, data=replace(split.data, videos=VIDEOS)) for split in tiny.test_splits
    )
    return replace(tiny, test_splits=splits)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("results") / "tiny")
    execute(run(), store=store, context=PlainContext())
    return store


@pytest.fixture
def one(store: Store) -> Finished:
    (finished,) = finished_runs(store, beginnings=[])
    return finished


def few_at_once(one: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = one.samples(one.run.test_splits[0])
    assert samples.shape is not None
    monkeypatch.setattr(file, "BATCH_BYTES", AT_ONCE * int(np.prod(samples.shape[1:])))
    assert [len(part) for part in samples.parts()] == [7, 7, 1]


def test_a_run_is_scored_the_same(
    one: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_at_once(one, monkeypatch)
    again = Store(tmp_path)
    execute(one.run, store=again, context=PlainContext())
    mine, other = (
        read_scores(where.run(one.run.fingerprint).scores) for where in (one.store, again)
    )
    assert mine.drop(["study"]).equals(other.drop(["study"]))


def test_a_finished_run_is_scored_again_the_same(
    one: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_scores(one.folder.scores)
    few_at_once(one, monkeypatch)
    (missing,) = missing_metrics([one], metrics=metrics_of("run"), again=True)
    score_again(missing, outcomes=True, device="cpu")
    assert read_scores(one.folder.scores).equals(before)


def test_frames_are_measured_the_same(one: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    units = units_of([one])
    before = [evaluated(unit, device="cpu") for unit in units]
    few_at_once(one, monkeypatch)
    assert [evaluated(unit, device="cpu") for unit in units] == before


@pytest.mark.parametrize("what", ["memory", "hull"])
def test_probes_answer_the_same(
    what: Question, one: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = probe_runs(one.store.root, what=what, beginnings=[], device="cpu")
    few_at_once(one, monkeypatch)
    assert probe_runs(one.store.root, what=what, beginnings=[], device="cpu") == before
