"""Drivers: what is missing is run once, whatever happens to them."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.scheduling.resources import Machine
from physscale.study.drive import Ending, drive
from physscale.study.spec import Study
from tests.paths import ROOT
from tests.sweep_doubles import (
    DIVERGING_SEED,
    FAILING_SEED,
    STEP_S,
    calls_of,
    counting_execute,
    no_watch,
    tiny_study,
)


def run_here(study: Study, *, store: Store) -> Ending:
    return drive(
        study,
        store=store,
        backend="plain",
        machine=Machine(),
        execute=counting_execute,
        watch=no_watch,
    )


OWN_NAMESPACE = ("unshare", "--user", "--map-root-user", "--pid", "--fork")


def start(
    store: Store, *, seeds: int, steps: int, step_s: float, within: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    command = [
        *within,
        sys.executable,
        "-m",
        "tests.integration.driver_process",
        str(store.root),
        str(seeds),
        str(steps),
    ]
    with (store.root / "driver.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {STEP_S: str(step_s)}, stderr=log
        )


def wait_for(condition: object, *, seconds: float = 60.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.05)


def states(store: Store) -> list[State]:
    return [entry.state for entry in Ledger(store.ledger).entries().values()]


def done_lines(store: Store) -> int:
    return store.ledger.read_text().count('"DONE"')


def test_every_run_is_executed_once_and_again_does_nothing(tmp_path: Path) -> None:
    study, store = tiny_study(), Store(tmp_path)
    assert run_here(study, store=store).exit_code == 0
    assert calls_of(store) == dict.fromkeys(sorted(study.runs), 1)
    assert run_here(study, store=store).exit_code == 0
    assert calls_of(store) == dict.fromkeys(sorted(study.runs), 1)
    assert not list(tmp_path.glob(".driver-*")), "no scratch folder stays"


def test_a_run_that_lost_a_file_is_run_again(tmp_path: Path) -> None:
    study, store = tiny_study(), Store(tmp_path)
    run_here(study, store=store)
    lost = next(iter(study.runs))
    store.run(lost).scores.unlink()
    assert run_here(study, store=store).exit_code == 0
    assert calls_of(store)[lost] == 2
    assert sum(calls_of(store).values()) == 4


def test_a_failed_run_stops_no_other_and_is_tried_again_by_the_next_drive_alone(
    tmp_path: Path,
) -> None:
    study, store = tiny_study(seeds=range(FAILING_SEED - 1, FAILING_SEED + 3)), Store(tmp_path)
    ending = run_here(study, store=store)
    assert ending.exit_code == 1
    by_seed = {row.seed: row for row in ending.rows}
    assert [by_seed[seed].state for seed in range(12, 16)] == ["DONE", "FAILED", "DIVERGED", "DONE"]
    failed, diverged = by_seed[FAILING_SEED].fingerprint, by_seed[DIVERGING_SEED].fingerprint
    assert (
        Ledger(store.ledger).entries()[failed].details["error"] == "this seed fails, on two lines"
    )
    assert "counting_execute" in (store.run(failed).root / "error.txt").read_text()
    assert calls_of(store)[failed] == 1
    run_here(study, store=store)
    assert calls_of(store)[failed] == 2, "run again = try the failed ones again"
    assert calls_of(store)[diverged] == 1, "a diverged run is a result"


def test_a_study_with_a_diverged_run_is_complete(tmp_path: Path) -> None:
    assert (
        run_here(
            tiny_study(seeds=range(DIVERGING_SEED, DIVERGING_SEED + 1)), store=Store(tmp_path)
        ).exit_code
        == 0
    )


@pytest.mark.parametrize("within", [(), OWN_NAMESPACE], ids=["one space", "two spaces"])
def test_two_drivers_share_the_work_and_no_run_is_run_twice(
    tmp_path: Path, within: Sequence[str]
) -> None:
    """Two containers of one host name too: neither sees the other's processes."""
    if within and (
        not shutil.which("unshare") or subprocess.run([*within, "true"], check=False).returncode
    ):
        pytest.skip("this machine makes no PID namespaces for us")
    store, seeds = Store(tmp_path), 8
    drivers = [
        start(store, seeds=seeds, steps=2, step_s=0.1, within=place) for place in ((), within)
    ]
    codes = [driver.wait(120) for driver in drivers]
    assert set(codes) <= {0, 3}, (tmp_path / "driver.log").read_text()
    assert list(calls_of(store).values()) == [1] * seeds
    assert done_lines(store) == seeds
    workers = {file.read_text() for file in (tmp_path / "calls").iterdir()}
    assert len(workers) == 2, "both worked"
    assert not list(tmp_path.glob(".driver-*"))


@pytest.mark.parametrize("killed_after", [0, 2])
def test_a_killed_driver_leaves_nothing_stuck(tmp_path: Path, killed_after: int) -> None:
    store, seeds = Store(tmp_path), 4
    driver = start(store, seeds=seeds, steps=10, step_s=0.05)
    wait_for(
        lambda: (
            store.ledger.exists()
            and done_lines(store) == killed_after
            and len(calls_of(store)) == killed_after + 1
        )
    )
    driver.kill()
    driver.wait()
    study = tiny_study(seeds=range(seeds), steps=10)
    assert run_here(study, store=store).exit_code == 0
    assert done_lines(store) == seeds
    assert sorted(calls_of(store).values()) == [1, 1, 1, 2], (
        "only the interrupted run was begun again"
    )
    assert not list(tmp_path.glob(".driver-*")), "the killed driver's folder is gone"
    for run in study.runs:
        assert [line["step"] for line in read_metrics(store.run(run).metrics)] == list(range(1, 11))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_saves_and_stops(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    store = Store(tmp_path)
    driver = start(store, seeds=3, steps=100, step_s=0.05)
    wait_for(lambda: store.ledger.exists() and State.RUNNING in states(store))
    driver.send_signal(number)
    assert driver.wait(20) == code
    assert sorted(states(store)) == [State.PLANNED, State.PLANNED, State.PREEMPTED]


def test_the_second_signal_ends_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    driver = start(store, seeds=1, steps=1, step_s=60.0)
    wait_for(lambda: store.ledger.exists() and State.RUNNING in states(store))
    driver.send_signal(signal.SIGINT)
    wait_for(lambda: "once more" in (tmp_path / "driver.log").read_text())
    driver.send_signal(signal.SIGINT)
    assert driver.wait(10) == 130


def test_what_a_living_driver_holds_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("physscale.study.drive._ORPHANS_END_S", 0.3)
    study, store = tiny_study(seeds=range(2)), Store(tmp_path)
    held, _ = study.runs
    Ledger(store.ledger).plan(list(study.runs))
    assert Ledger(store.ledger).claim(held, owner=Owner())
    assert run_here(study, store=store).exit_code == 3
    assert list(calls_of(store)) == [run for run in study.runs if run != held]


def test_an_orphan_is_waited_for(tmp_path: Path) -> None:
    """The run of a killed driver, whose worker needs a moment to notice, is not given up."""
    study, store = tiny_study(seeds=range(1)), Store(tmp_path)
    (run,) = study.runs
    orphan = subprocess.Popen(["sleep", "1"])
    threading.Thread(target=orphan.wait).start()
    Ledger(store.ledger).claim(run, owner=Owner(process=orphan.pid))
    assert run_here(study, store=store).exit_code == 0
    assert calls_of(store) == {run: 1}
