"""Runs on a cluster that is not theirs alone: GPUs in parts, and a watchdog that says who holds
what when nothing advances.

The GPU is declared, not there: Ray counts it and shows each run its number, which is all that
placement is about."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from physscale.records.errors import Unschedulable
from physscale.records.ledger import Ledger, State
from physscale.records.store import Store
from physscale.run.context import Context
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.spec import Study
from tests.ray_nodes import Nodes, ray_nodes
from tests.sweep_doubles import STEP_S, calls_of, counting_execute, no_watch, tiny_study
from tests.tiny import tiny_run

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]

SHARING = Machine(run_cpus=0.25, run_gpus=0.25, data_cpus=0.25, concurrency=4, patience_s=3.0)
HOLD = """
import sys, ray
ray.init(address="auto", log_to_driver=False)
group = ray.util.placement_group([{"CPU": float(sys.argv[1])}])
ray.get(group.ready())
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """One node of two CPUs and one GPU; this process joins it as a driver does."""
    with pytest.MonkeyPatch.context() as patch, ray_nodes() as nodes:
        patch.setenv(STEP_S, "0.1")
        nodes.environment[STEP_S] = "0.1"
        nodes.start(cpus=2, gpus=1)
        nodes.join(patch)
        yield nodes


@contextmanager
def somebody_holding(cpus: float, *, nodes: Nodes) -> Iterator[subprocess.Popen[bytes]]:
    """Another job's group on the same cluster, until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(cpus)]
    with subprocess.Popen(
        command, env=nodes.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        yield other
        other.stdin.close()
        other.wait(60)


def execute_when_all_four_are_here(run: RunSpec, *, store: Store, context: Context) -> None:
    (store.root / f"gpu-{run.seed}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
    deadline_s = time.monotonic() + 120
    while len(list(store.root.glob("gpu-*"))) < 4:
        assert time.monotonic() < deadline_s, "the others never came"
        time.sleep(0.1)
    counting_execute(run, store=store, context=context)


def test_four_small_runs_share_one_gpu_at_the_same_time(tmp_path: Path, nodes: Nodes) -> None:
    study, store = tiny_study(seeds=range(4), steps=3), Store(tmp_path)
    ending = drive(
        study,
        store=store,
        backend="ray",
        machine=SHARING,
        execute=execute_when_all_four_are_here,
        watch=no_watch,
    )
    assert ending.exit_code == 0
    assert [file.read_text() for file in tmp_path.glob("gpu-*")] == ["0"] * 4


def test_more_gpu_than_there_is_is_refused_before_anything_starts(
    tmp_path: Path, nodes: Nodes
) -> None:
    greedy = Machine(run_gpus=2.0)
    with pytest.raises(Unschedulable, match=r"2 GPU of 1"):
        drive(
            tiny_study(),
            store=Store(tmp_path),
            backend="ray",
            machine=greedy,
            execute=counting_execute,
            watch=no_watch,
        )


@pytest.mark.slow
def test_runs_that_others_leave_no_room_say_so_wait_and_go_on(
    tmp_path: Path, nodes: Nodes, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "watchdog.log"
    with somebody_holding(1.75, nodes=nodes) as other:

        def leave_when_told() -> None:
            while not log.exists():
                time.sleep(0.1)
            assert other.stdin is not None
            other.stdin.close()

        threading.Thread(target=leave_when_told, daemon=True).start()
        ending = drive(
            tiny_study(seeds=range(2)),
            store=Store(tmp_path),
            backend="ray",
            machine=SHARING,
            execute=counting_execute,
            watch=no_watch,
        )
    assert ending.exit_code == 0
    assert "2 wait for a place" not in log.read_text()
    assert "wait for a place: 0.25 CPU and 0.25 GPU + 0.25 CPU each" in log.read_text()
    assert "0.25 of 2 CPU and 1 of 1 GPU free, held by groups of 1 x (1.75 CPU)" in log.read_text()
    assert "nothing has advanced for" in capfd.readouterr().err
    assert set(calls_of(Store(tmp_path)).values()) == {1}


@pytest.mark.slow
def test_workers_that_find_no_place_are_ended_with_the_reason(tmp_path: Path, nodes: Nodes) -> None:
    study = Study(
        name="starved",
        question="Who holds the CPU?",
        groups={"workers": [tiny_run(steps=8, workers=2)]},
    )
    machine = replace(SHARING, worker_cpus=0.5, data_cpus=0.5, concurrency=None, patience_s=8.0)
    with (
        somebody_holding(1.5, nodes=nodes),
        pytest.raises(Unschedulable, match=r"waits for 2 workers with 0\.5 CPU each, since \d+ s"),
    ):
        drive(
            study,
            store=Store(tmp_path),
            backend="ray",
            machine=machine,
            execute=execute,
            watch=no_watch,
        )


@pytest.mark.slow
def test_runs_whose_last_fitting_node_dies_are_not_waited_for(tmp_path: Path, nodes: Nodes) -> None:
    store, study = Store(tmp_path), tiny_study(seeds=range(2), steps=600)
    large = Machine(run_cpus=3.0, data_cpus=0.5, patience_s=3.0)
    second = nodes.start(cpus=4)

    def kill_when_at_work() -> None:
        while State.RUNNING not in {
            entry.state for entry in Ledger(store.ledger).entries().values()
        }:
            time.sleep(0.1)
        second.kill()

    threading.Thread(target=kill_when_at_work, daemon=True).start()
    with pytest.raises(
        Unschedulable,
        match=r"wants 3 CPU for the run \+ 0\.5 CPU for its data, the nodes have 2 CPU",
    ):
        drive(
            study,
            store=store,
            backend="ray",
            machine=large,
            execute=counting_execute,
            watch=no_watch,
        )
