"""The promise of the sweep service: 24 real runs on two Ray nodes, two drivers racing, and nearly
everything killed on the way.

A worker, both drivers and one node die by SIGKILL, each in the midst of a run, and one run leaves
the numbers by its own learning rate. What is left must be the undisturbed study, bit for bit: each
run ended once, its losses those of one plain process, its history without a hole."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from physscale.records.json_lines import read_lines
from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from tests.chaos.conftest import Figures
from tests.chaos.driver_process import AT_A_TIME, RUNS, STEPS, chaos_study
from tests.paths import ROOT
from tests.ray_nodes import ancestors, ray_nodes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(2400)]
STUDY = chaos_study()
(WILD,) = (run.fingerprint for run in STUDY.groups["wild"])


def start(store: Store, *, backend: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    store.root.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.chaos.driver_process", str(store.root), backend]
    with (store.root / "driver.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)


def endings(store: Store) -> Counter[tuple[str, str]]:
    """How often each run came to each end."""
    ended = {State.DONE, State.DIVERGED, State.FAILED}
    return Counter(
        (line["run"], line["state"]) for line in read_lines(store.ledger) if line["state"] in ended
    )


def wait_for_ends(store: Store, *, wanted: int, drivers: list[subprocess.Popen[bytes]]) -> None:
    deadline_s = time.monotonic() + 600
    while len(endings(store)) < wanted:
        log = (store.root / "driver.log").read_text()
        assert any(driver.poll() is None for driver in drivers), log
        assert time.monotonic() < deadline_s, log
        time.sleep(0.1)


def held(store: Store, *, at_least: int) -> dict[str, int]:
    """The runs that somebody works on, and the processes; waits for so many."""
    deadline_s = time.monotonic() + 240
    while time.monotonic() < deadline_s:
        entries = Ledger(store.ledger).entries().items()
        found = {
            run: entry.owner.process
            for run, entry in entries
            if entry.state is State.RUNNING and entry.owner
        }
        if len(found) >= at_least:
            return found
        time.sleep(0.05)
    pytest.fail("too few runs were at work")


def training(store: Store, *, below: int = 1) -> dict[str, int]:
    """The runs in the midst of their training, the youngest first, and the processes, all
    descendants of one; waits for the first."""
    deadline_s = time.monotonic() + 240
    while time.monotonic() < deadline_s:
        processes = held(store, at_least=1)
        steps = {
            run: line["step"]
            for run in processes
            for line in read_metrics(store.run(run).metrics)[-1:]
        }
        found = [run for run in steps if steps[run] < STEPS and below in ancestors(processes[run])]
        if found:
            return {run: processes[run] for run in sorted(found, key=steps.__getitem__)}
        time.sleep(0.05)
    pytest.fail("no run was in training")


def claims(store: Store) -> Counter[str]:
    """How often each run was begun."""
    return Counter(line["run"] for line in read_lines(store.ledger) if "claim" in line)


def histories(store: Store) -> dict[str, list[tuple[int, str]]]:
    return {
        run: [(line["step"], line["loss"].hex()) for line in read_metrics(store.run(run).metrics)]
        for run in STUDY.runs
    }


def test_a_study_survives_worker_drivers_and_node_bit_for_bit(
    tmp_path: Path, figures: Figures
) -> None:
    store, calm = Store(tmp_path / "chaos"), Store(tmp_path / "calm")
    with ray_nodes() as nodes:
        nodes.start(cpus=2)
        second = nodes.start(cpus=2)
        drivers = [start(store, backend="ray", environment=nodes.environment) for _ in range(2)]
        wait_for_ends(store, wanted=1, drivers=drivers)
        struck, process = next(iter(training(store).items()))
        os.kill(process, signal.SIGKILL)
        figures.count("Ray: workers killed", injected=1)
        for wanted, number in ((4, 0), (9, 1)):
            wait_for_ends(store, wanted=wanted, drivers=drivers)
            held(store, at_least=AT_A_TIME + 1)  # so that one at least is this driver's
            drivers[number].kill()
            drivers[number].wait()
            figures.count("Ray: drivers killed", injected=1)
            drivers[number] = start(store, backend="ray", environment=nodes.environment)
        wait_for_ends(store, wanted=13, drivers=drivers)
        stranded = training(store, below=second.pid)
        second.kill()
        second.wait()
        figures.count("Ray: nodes killed", injected=1)
        assert {driver.wait(900) for driver in drivers} <= {0, 3}, (
            store.root / "driver.log"
        ).read_text()
        assert start(store, backend="ray", environment=nodes.environment).wait(300) == 0, (
            store.root / "driver.log"
        ).read_text()
    before = store.ledger.read_bytes()
    assert start(store, backend="plain", environment=dict(os.environ)).wait(300) == 0
    assert store.ledger.read_bytes() == before, "all is done: nothing is run again"
    assert start(calm, backend="plain", environment=dict(os.environ)).wait(900) == 0, (
        calm.root / "driver.log"
    ).read_text()

    assert len(STUDY.runs) == RUNS
    assert (
        endings(store)
        == endings(calm)
        == {(run, "DIVERGED" if run == WILD else "DONE"): 1 for run in STUDY.runs}
    )
    begun = claims(store)
    assert begun[struck] > 1
    assert any(begun[run] > 1 for run in stranded)
    assert begun.total() >= RUNS + 4, "a worker, two drivers and a node each had a run in the midst"
    found = histories(store)
    assert found == histories(calm)
    assert all(lines[-1][0] == STEPS for run, lines in found.items() if run != WILD)
    assert not list(store.root.glob(".driver-*")), "the killed drivers' folders are gone"
    assert not list(store.root.rglob("waiting.json")), "nobody waits"
