"""What the W&B follower leaves: offline files, read back record by record."""

import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.mp4 import write_mp4
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.store import Store
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.plan import plan, write_study
from physscale.tracking.follow import waiting_for_display
from physscale.tracking.launch import following
from tests.sweep_doubles import counting_execute, no_watch, tiny_study

STUDY = tiny_study(seeds=range(2), steps=5)
_BLOCK, _HEADER = 32_768, 7


def records(path: Path) -> Iterator[bytes]:
    """The records of a `.wandb` file: LevelDB log blocks of 32 KiB after a header of 7 bytes; parts
    FULL 1, FIRST 2, MIDDLE 3, LAST 4."""
    data = path.read_bytes()
    at, whole = 7, b""
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + _HEADER])
        whole += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in {1, 4}:
            yield whole
            whole = b""


def read_back(path: Path) -> dict[str, object]:
    from wandb.proto import wandb_internal_pb2

    found: dict[str, object] = {"history": [], "summary": {}}
    for raw in records(path):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(raw)
        which = record.WhichOneof("record_type")
        if which == "run":
            found["run"] = record.run
            found["config"] = {
                item.key: json.loads(item.value_json) for item in record.run.config.update
            }
        elif which == "history":
            found["history"].append(
                {
                    "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                    for item in record.history.item
                }
            )
        elif which == "summary":
            found["summary"].update(
                {
                    "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                    for item in record.summary.update
                }
            )
    return found


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("results") / "tiny")
    write_study(STUDY, store=store, rows=plan(STUDY, store=store, flops_per_s=1e10))
    drive(
        STUDY,
        store=store,
        backend="plain",
        machine=Machine(),
        execute=counting_execute,
        watch=no_watch,
    )
    for run in STUDY.runs:
        write_mp4(store.run(run).video("id"), np.zeros((4, 32, 32, 3), np.uint8), frames_per_s=8)
    with following(store):
        pass
    return store


def test_every_run_is_logged_once_with_its_history(logged: Store) -> None:
    for run in STUDY.runs:
        (file,) = logged.root.glob(f"wandb/offline-run-*-{run[:12]}/run-{run[:12]}.wandb")
        found = read_back(file)
        assert found["run"].run_id == run[:12]
        assert found["run"].run_group == "tiny"
        assert [line["loss"] for line in found["history"] if "loss" in line] == [
            1 / step for step in range(1, 6)
        ]
        assert [line["_step"] for line in found["history"] if "loss" in line] == list(range(1, 6))
        assert found["summary"]["id/loss"] == pytest.approx(0.2)
        assert found["config"].items() >= json.loads(logged.run(run).spec.read_text()).items()
        (video,) = [line["videos/id/path"] for line in found["history"] if "videos/id/path" in line]
        assert (file.parent / "files" / video).read_bytes() == logged.run(run).video(
            "id"
        ).read_bytes()
    assert waiting_for_display(logged, tracker="wandb") == []


def test_a_second_follower_finds_nothing_to_do(logged: Store) -> None:
    before = sorted(logged.root.glob("wandb/offline-run-*"))
    with following(logged):
        pass
    assert sorted(logged.root.glob("wandb/offline-run-*")) == before


def test_the_follower_ends_with_a_killed_driver(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom physscale.records.store import Store\n"
        "from physscale.tracking.launch import following\n"
        "with following(Store(Path(sys.argv[1]))):\n    print('on', flush=True)\n    "
        "time.sleep(60)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert driver.stdout is not None
    assert driver.stdout.readline() == b"on\n"
    (child,) = children(driver.pid)
    driver.kill()
    driver.wait()
    driver.stdout.close()
    deadline_s = time.monotonic() + 30
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline_s, "the follower outlived its driver"
        time.sleep(0.1)


def children(process: int) -> list[int]:
    return [
        int(number)
        for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


@pytest.mark.parametrize("fault", ["no wandb", "read-only"])
def test_a_broken_follower_changes_nothing_for_the_runs(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "tiny")
    if fault == "no wandb":
        (tmp_path / "broken" / "wandb").mkdir(parents=True)
        (tmp_path / "broken" / "wandb" / "__init__.py").write_text(
            "raise ImportError('broken on purpose')"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    else:
        (store.root / "tracking").mkdir(parents=True)
        (store.root / "tracking" / "wandb").write_text("a file where a folder should be")
    with following(store):
        ending = drive(
            STUDY,
            store=store,
            backend="plain",
            machine=Machine(),
            execute=counting_execute,
            watch=no_watch,
        )
    assert ending.exit_code == 0
    assert "the runs are not affected" in capfd.readouterr().err


def test_disabled_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with following(Store(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_runs_that_did_not_end_are_not_logged(tmp_path: Path) -> None:
    store, owner = Store(tmp_path), Owner()
    ledger = Ledger(store.ledger)
    for run in STUDY.runs:
        store.run(run).metrics.parent.mkdir(parents=True)
        store.run(run).metrics.write_text('{"step": 1, "loss": 1.0}\n')
        ledger.claim(run, owner=owner)
    failed, diverged = STUDY.runs
    ledger.finish(failed, State.FAILED, owner=owner)
    assert waiting_for_display(store, tracker="wandb") == []
    ledger.finish(diverged, State.DIVERGED, owner=owner)
    assert waiting_for_display(store, tracker="wandb") == [diverged]
