"""`physscale evaluate STUDY`: the samples of finished runs as frames, resumable, the same rows from
one process and from Ray Data tasks."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from physscale.cli.main import main
from physscale.finished.frames import evaluated, is_done, units_of
from physscale.finished.runs import finished_runs, largest
from physscale.finished.tables import FRAME_SCORES, FRAME_TABLE
from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.evaluate import evaluated_by_tasks
from physscale.records.scores import FRAMES, SCORES
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.scheduling.resources import Machine
from tests.tiny import tiny_run


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results") / "tiny"
    for seed in (0, 1):
        execute(
            replace(tiny_run(steps=4, seed=seed), canvas=Canvas(size_px=32)),
            store=Store(root),
            context=PlainContext(),
        )
    return root


@pytest.fixture
def two_workers() -> Iterator[None]:
    with cluster():
        yield


def tell(study: Path, *more: str, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(study), "--json", *more])
    found: dict[str, int] = json.loads(capsys.readouterr().out)
    return found


def test_what_is_done_is_not_done_again(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(study, "--which", "largest", capsys=capsys)["evaluated"] == 2
    found = tell(study, capsys=capsys)
    assert (found["units"], found["evaluated"], found["skipped"], found["videos"]) == (4, 2, 2, 16)
    store = Store(study)
    rows, numbers = pq.read_table(store.frames), pq.read_table(store.frame_scores)
    assert rows.schema.equals(FRAMES)
    assert numbers.schema.equals(SCORES)
    assert not any(pc.filter(rows["abnormal"], pc.equal(rows["source"], "truth")).to_pylist()), (
        "true frames are normal"
    )
    assert {"ssim", "psnr_db", "state_frechet", "violation_frechet", "abnormal_rate"} <= set(
        numbers["metric"].to_pylist()
    )
    unit = units_of(finished_runs(store, beginnings=[]))[0]
    unit.folder.frames(unit.split, suffix=FRAME_SCORES).unlink()
    assert not is_done(unit)
    assert tell(study, capsys=capsys)["evaluated"] == 1
    samples, copy = unit.folder.samples(unit.split), unit.folder.samples(unit.split).read_bytes()
    samples.write_bytes(copy + b" ")
    assert not is_done(unit), "other samples"
    samples.write_bytes(copy)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_several_workers_find_the_same(study: Path, two_workers: None, tmp_path: Path) -> None:
    units = units_of(finished_runs(Store(study), beginnings=[]))
    assert len(units_of(largest(finished_runs(Store(study), beginnings=[])))) == 2
    by_tasks = list(evaluated_by_tasks(units, workers=2, machine=Machine(), mark=tmp_path / "stop"))
    assert [unit for unit, _ in by_tasks] == units
    for unit, found in by_tasks:
        alone = evaluated(unit, device="cpu")
        assert {suffix: found.files[suffix] for suffix in (FRAME_TABLE, FRAME_SCORES)} == {
            suffix: alone.files[suffix] for suffix in (FRAME_TABLE, FRAME_SCORES)
        }


def test_a_study_option_without_a_study_is_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = next(study.glob("runs/*/samples/id.arrow"))
    shutil.copy(sample, tmp_path / "id.arrow")
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", str(tmp_path / "id.arrow"), "--which", "largest"])
    assert "--which: for a study's results" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", str(study), "--run", "nothing"])
    assert "begin so" in capsys.readouterr().err
