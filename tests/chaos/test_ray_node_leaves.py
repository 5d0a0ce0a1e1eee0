"""A node that is told to go (SIGTERM, as a spot machine or a deleted pod gets it) loses no step:
its runs save, and go on elsewhere."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from physscale.records.json_lines import read_lines
from physscale.records.ledger import Ledger
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.spec import Study
from tests.chaos.conftest import Figures
from tests.ray_nodes import Nodes, ancestors, ray_nodes
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

pytestmark = [pytest.mark.chaos, pytest.mark.filterwarnings("default"), pytest.mark.timeout(900)]
STEPS = {1: 6_000, 2: 1_500}
"""By the number of workers: enough to be at work when the node is told to go."""

EARLY = 200
MACHINE = Machine(run_cpus=0.5, worker_cpus=0.6, data_cpus=0.35)


def losses(store: Store, run: RunSpec) -> list[float]:
    return [line["loss"] for line in read_metrics(store.run(run.fingerprint).metrics)]


def node_at_work(
    run: RunSpec, *, store: Store, nodes: Nodes, title: str = ""
) -> subprocess.Popen[bytes]:
    """A node, not the head, on which a process of that title trains the run, or without a title the
    one that owns it; waits for it."""
    deadline_s = time.monotonic() + 240
    while time.monotonic() < deadline_s:
        if any(line["step"] >= EARLY for line in read_metrics(store.run(run.fingerprint).metrics)):
            processes = [
                int(file.parent.name)
                for file in Path("/proc").glob("[0-9]*/cmdline")
                if title and titled_so(file, title=title)
            ]
            owner = Ledger(store.ledger).entries()[run.fingerprint].owner
            processes += [owner.process] if owner and not title else []
            for node in nodes.processes[1:]:
                if any(node.pid in ancestors(process) for process in processes):
                    return node
        time.sleep(0.1)
    pytest.fail("no node but the head was at work")


def titled_so(file: Path, *, title: str) -> bool:
    try:
        return file.read_bytes().startswith(title.encode())
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(("workers", "title"), [(1, ""), (2, "ray::RayTrainWorker")])
def test_runs_of_a_node_that_goes_save_and_go_on(
    workers: int, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    store, plain = Store(tmp_path / "ray"), Store(tmp_path / "plain")
    run = tiny_run(steps=STEPS[workers], workers=workers)
    with ray_nodes() as nodes:
        nodes.start(cpus=0 if workers == 1 else 1)
        for _ in range(2):
            nodes.start(cpus=1)
        nodes.join(monkeypatch)
        gone_s: list[float] = []

        def send_away() -> None:
            node = node_at_work(run, store=store, nodes=nodes, title=title)
            begun_s = time.monotonic()
            node.terminate()
            node.wait()
            gone_s.append(time.monotonic() - begun_s)

        leaving = threading.Thread(target=send_away)
        leaving.start()
        study = Study(name="leaving", question="Does it lose a step?", groups={"one": [run]})
        ending = drive(
            study, store=store, backend="ray", machine=MACHINE, execute=execute, watch=no_watch
        )
        leaving.join()
    figures.count("Ray: nodes sent away", injected=len(gone_s))
    assert ending.exit_code == 0
    assert gone_s[0] < 60, "within what a pod is given"
    states = [
        line["state"]
        for line in read_lines(store.ledger)
        if line["state"] != "RUNNING" or "claim" in line
    ]
    assert states == ["PLANNED", "RUNNING", "PREEMPTED", "RUNNING", "DONE"]
    assert Ledger(store.ledger).entries()[run.fingerprint].attempts == 2
    steps = [line["step"] for line in read_lines(store.run(run.fingerprint).metrics)]
    assert steps == sorted(set(steps)), "no step was made twice"
    assert steps[-1] == STEPS[workers]
    if workers == 1:  # two differ from one by rounding, which these steps carry to percents
        execute(run, store=plain, context=PlainContext())
        assert losses(store, run) == losses(plain, run)
