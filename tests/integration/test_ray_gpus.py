"""Runs and GPUs on a real Ray whose one GPU is declared but absent: who sees it, who is refused,
and what an autoscaler is asked for."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from physscale.records.errors import Unschedulable
from physscale.records.ledger import FINAL, Ledger, Owner
from physscale.records.store import Store
from physscale.run.context import Context
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.scheduling.attempt import Job, driving
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.spec import Study
from tests.ray_nodes import Nodes, ray_nodes
from tests.sweep_doubles import counting_execute, no_watch
from tests.tiny import tiny_run

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]

ON_CPU = Machine(run_cpus=0.25, worker_cpus=0.25, data_cpus=0.25, patience_s=60.0)
ON_GPU = Machine(
    run_cpus=0.25, run_gpus=0.5, worker_cpus=0.25, worker_gpus=0.5, data_cpus=0.25, patience_s=60.0
)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch, ray_nodes() as nodes:
        nodes.start(cpus=2, gpus=1, dashboard="yes")
        nodes.join(patch)
        yield nodes


def study(workers: int) -> Study:
    runs = (tiny_run(steps=3, workers=workers),)
    return Study(name="gpus", question="Where does it compute?", groups={"one": runs})


def execute_and_say_where(run: RunSpec, *, store: Store, context: Context) -> None:
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    (store.root / f"seen-{context.rank}").write_text(f"{context.device}:{shown}")
    if context.rank == 0:
        counting_execute(run, store=store, context=context)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_that_was_given_no_gpu_sees_none(tmp_path: Path, nodes: Nodes, workers: int) -> None:
    """Ray would show it every GPU of the node, and Ray Train would open a context on the first."""
    ending = drive(
        study(workers),
        store=Store(tmp_path),
        backend="ray",
        machine=ON_CPU,
        execute=execute_and_say_where,
        watch=no_watch,
    )
    assert ending.exit_code == 0
    assert [path.read_text() for path in tmp_path.glob("seen-*")] == ["cpu:"] * workers


def test_a_run_that_was_given_a_gpu_is_told_so_and_sees_it(tmp_path: Path, nodes: Nodes) -> None:
    drive(
        study(1),
        store=Store(tmp_path),
        backend="ray",
        machine=ON_GPU,
        execute=execute_and_say_where,
        watch=no_watch,
    )
    assert (tmp_path / "seen-0").read_text() == "cuda:0"


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        (1, "machine file promises a GPU and torch sees none"),
        (2, r"node \S+ promises 1 GPU and torch sees none"),
    ],
)
def test_a_gpu_that_torch_cannot_see_ends_the_study_with_the_reason(
    tmp_path: Path, nodes: Nodes, workers: int, said: str
) -> None:
    """On the CPU it would train in silence, a hundred times slower."""
    store = Store(tmp_path)
    with pytest.raises(Unschedulable, match=said):
        drive(
            study(workers),
            store=store,
            backend="ray",
            machine=ON_GPU,
            execute=execute,
            watch=no_watch,
        )
    assert not list(tmp_path.rglob("metrics.jsonl"))
    states = [entry.state for entry in Ledger(store.ledger).entries().values()]
    assert not FINAL.intersection(states), "the run is free for a machine that has GPUs"


def test_a_run_that_waits_for_its_fewest_workers_asks_the_autoscaler_for_nodes(
    tmp_path: Path,
) -> None:
    """This test is the autoscaler: it brings a node when, and only when, one is asked for."""
    from ray.util import placement_group_table  # Ray reads a process's token when it is loaded

    from physscale.ray_jobs.cluster import cluster
    from physscale.ray_jobs.train import _room

    machine = Machine(worker_cpus=1.0, data_cpus=0.5, fewest_workers=1, nodes=2, node_cpus=2.0)
    run = tiny_run(workers=2)
    job = Job(root=tmp_path, driver=Owner(), execute=counting_execute)
    with pytest.MonkeyPatch.context() as patch, ray_nodes() as nodes:
        nodes.start(cpus=0)
        nodes.join(patch)
        with cluster(), driving(job):
            seen: list[dict[str, float]] = []

            def bring_what_is_asked_for() -> None:
                while not seen:
                    for group in placement_group_table().values():
                        if group["state"] == "PENDING":
                            seen.extend(group["bundles"].values())
                    time.sleep(0.2)
                nodes.start(cpus=4)

            def give_up() -> None:
                job.ask_to_stop()

            threading.Thread(target=bring_what_is_asked_for, daemon=True).start()
            timer = threading.Timer(90, give_up)
            timer.start()
            assert _room(run, job=job, machine=machine) == 2
            timer.cancel()
            assert seen == [{"CPU": 1.0}, {"CPU": 1.0}]
            left = [group["state"] for group in placement_group_table().values()]
            assert set(left) == {"REMOVED"}, "what waited holds nothing"
