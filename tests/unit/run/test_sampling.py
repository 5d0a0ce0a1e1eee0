"""A trained run is scored with the same bits by any number of workers, in any number of attempts,
and nothing is made twice."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from physscale.records.errors import Preempted
from physscale.records.metrics import read_metrics
from physscale.records.store import MANIFEST, Store
from physscale.run import score
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.train.parallel import Workers
from tests.paths import ROOT
from tests.sweep_doubles import Stopper
from tests.unit.run.scored_run import PARTS, RUN, counted_parts, validated

STUDY = "study"
"""The folder's name stands in the scores."""

JOBS = [
    {"name": "four", "folder": f"four/{STUDY}", "world": 4},
    {"name": "two", "folder": f"two/{STUDY}", "world": 2},
    {"name": "stopped", "folder": f"stopped/{STUDY}", "world": 2, "stops": [1, 1]},
    {"name": "resumed", "folder": f"stopped/{STUDY}", "world": 4},
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Trained and scored by one worker without a break."""
    store = Store(tmp_path_factory.mktemp("whole") / STUDY)
    with counted_parts() as made:
        execute(RUN, store=store, context=PlainContext())
    assert len(made) == PARTS
    return store


def results(store: Store) -> dict[str, bytes]:
    """Every table, sample and picture of the splits; nothing else is left."""
    folder = store.run(RUN.fingerprint)
    assert not folder.scoring.exists()
    paths = [folder.scores, folder.outcomes]
    for split in RUN.test_splits:
        paths += [folder.samples(split.data.split), folder.video(split.data.split)]
    return {path.name: path.read_bytes() for path in paths}


def trained(whole: Store, root: Path) -> Store:
    """The run as it is when its training ends."""
    store = Store(root / STUDY)
    shutil.copytree(whole.root, store.root)
    folder = store.run(RUN.fingerprint)
    folder.scores.unlink()
    folder.outcomes.unlink()
    shutil.rmtree(folder.root / "samples")
    return store


@pytest.fixture(scope="module")
def by_workers(whole: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The jobs, one after the other, by four processes."""
    root = tmp_path_factory.mktemp("workers")
    for folder in ("four", "two", "stopped"):
        trained(whole, root / folder)
    command = [sys.executable, "-W", "error", "-m", "tests.unit.run.score_worker", str(root)]
    workers = [
        subprocess.Popen([*command, str(rank), json.dumps(JOBS)], cwd=ROOT) for rank in range(4)
    ]
    assert [worker.wait(timeout=280) for worker in workers] == [0] * 4
    return root


def said(root: Path, name: str, *, world: int) -> list[dict[str, object]]:
    return [json.loads((root / f"{name}.{rank}.json").read_text()) for rank in range(world)]


@pytest.mark.parametrize(("name", "world"), [("two", 2), ("four", 4)])
def test_many_workers_make_the_bits_of_one(
    whole: Store, by_workers: Path, name: str, world: int
) -> None:
    assert results(Store(by_workers / name / STUDY)) == results(whole)
    answers = said(by_workers, name, world=world)
    assert {answer["ending"] for answer in answers} == {"done"}
    parts = [answer["parts"] for answer in answers]
    assert sum(parts) == PARTS  # type: ignore[arg-type]
    assert max(parts) - min(parts) <= 1  # type: ignore[type-var, operator]


def test_one_worker_that_is_asked_to_stop_stops_all_and_more_go_on(
    whole: Store, by_workers: Path
) -> None:
    stopped = said(by_workers, "stopped", world=2)
    assert [answer["ending"] for answer in stopped] == ["preempted"] * 2
    assert [answer["parts"] for answer in stopped] == [1, 1]
    resumed = said(by_workers, "resumed", world=4)
    assert sum(answer["parts"] for answer in resumed) == PARTS - 2  # type: ignore[misc]
    assert results(Store(by_workers / "stopped" / STUDY)) == results(whole)


@pytest.mark.parametrize("questions", [1, 3, PARTS])
def test_an_attempt_goes_on_where_the_last_one_stopped(
    whole: Store, tmp_path: Path, questions: int
) -> None:
    store = trained(whole, tmp_path)
    with counted_parts() as made:
        with pytest.raises(Preempted):
            execute(RUN, store=store, context=PlainContext(stop_requested=Stopper(questions)))
        assert len(made) == questions
        execute(RUN, store=store, context=PlainContext())
    assert len(made) == PARTS
    assert results(store) == results(whole)


def test_a_split_that_was_scored_is_not_scored_again_after_a_fault(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, real = trained(whole, tmp_path), score.measured

    def breaks_off(case: score.ScoredSplit, *rest: Any, **named: Any) -> score.Measured:
        if case.split == RUN.test_splits[1].data.split:
            raise MemoryError("the second split")
        return real(case, *rest, **named)

    with counted_parts() as made:
        monkeypatch.setattr(score, "measured", breaks_off)
        with pytest.raises(MemoryError):
            execute(RUN, store=store, context=PlainContext())
        monkeypatch.setattr(score, "measured", real)
        execute(RUN, store=store, context=PlainContext())
    assert [part.split.data.split for part in made] == ["id"] * 3 + ["speed_high"] * 4
    assert results(store) == results(whole)


def test_what_other_weights_made_is_not_taken(whole: Store, tmp_path: Path) -> None:
    store = trained(whole, tmp_path)
    with counted_parts() as made:
        with pytest.raises(Preempted):
            execute(RUN, store=store, context=PlainContext(stop_requested=Stopper(PARTS)))
        (folder,) = store.run(RUN.fingerprint).checkpoints.glob("step_00000004")
        manifest = folder / MANIFEST
        manifest.write_text(json.dumps(json.loads(manifest.read_text())))  # its digest is another
        execute(RUN, store=store, context=PlainContext())
    assert len(made) == 2 * PARTS
    assert results(store) == results(whole)


@pytest.mark.parametrize(("name", "world"), [("two", 2), ("four", 4)])
def test_validation_is_measured_by_all_workers_and_known_to_the_first(
    whole: Store, by_workers: Path, name: str, world: int
) -> None:
    with counted_parts():
        alone = validated(whole, workers=Workers())
    first, *others = [answer["validation"] for answer in said(by_workers, name, world=world)]
    assert first == alone
    assert others == [{}] * (world - 1)
    (line,) = read_metrics(whole.run(RUN.fingerprint).metrics)
    assert {name: line[name] for name in alone} == alone
