"""What the plan says of a cluster against a small exact scheduler, on a thousand random clusters.

The model knows nothing of formulas: it puts the pieces of one run (a trial of one worker with its
data tasks; or a driver and its workers, and then one data task) onto the nodes in every way there
is. A run of one worker is one group, given whole or not at all, so it can be run if some placement
holds all of it. Workers of several are placed as the scheduler likes, so there every placement must
leave a node for the data."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from physscale.records.errors import Unschedulable
from physscale.records.store import Store
from physscale.scheduling.resources import DRIVER_CPUS, Machine, Node
from physscale.study import drive
from physscale.study.drive import check_schedulable
from physscale.study.plan import Row, plan
from physscale.study.spec import Study
from tests.tiny import tiny_run

Free = tuple[tuple[int, int], ...]
"""Units (1/10000) of CPU and GPU left on each node."""


def units(amount: float) -> int:
    return round(10_000 * amount)


def placed(free: Free, *, cpus: float, gpus: float) -> Iterator[Free]:
    """Every way to put one piece; parts of a GPU come from one device, of which the random clusters
    have at most one per node."""
    for at, (cpu, gpu) in enumerate(free):
        if cpu >= units(cpus) and gpu >= units(gpus):
            yield (*free[:at], (cpu - units(cpus), gpu - units(gpus)), *free[at + 1 :])


def all_placed(states: set[Free], *, count: int, cpus: float, gpus: float = 0.0) -> set[Free]:
    for _ in range(count):
        states = set(
            itertools.chain.from_iterable(placed(free, cpus=cpus, gpus=gpus) for free in states)
        )
    return states


def can_run(nodes: list[Node], *, machine: Machine, workers: int) -> bool:
    free: Free = tuple((units(node.cpus), units(node.gpus)) for node in nodes)
    if workers == 1:
        computing = all_placed({free}, count=1, cpus=machine.run_cpus, gpus=machine.run_gpus)
        return bool(all_placed(computing, count=machine.data_tasks, cpus=machine.data_cpus))
    hosts = all_placed({free}, count=1, cpus=DRIVER_CPUS)
    groups = [
        all_placed({host}, count=workers, cpus=machine.worker_cpus, gpus=machine.worker_gpus)
        for host in hosts
    ]
    fed = [
        any(cpu >= units(machine.data_cpus) for cpu, _ in left)
        for group in groups
        for left in group
    ]
    return bool(groups) and all(groups) and all(fed)


def row(workers: int) -> Row:
    study = Study(name="one", question="?", groups={"a": [tiny_run(workers=workers)]})
    (found,) = plan(study, store=Store(Path("/nonexistent")), flops_per_s=1e10)
    return found


ROWS = {workers: row(workers) for workers in (1, 2, 3)}


def test_the_verdict_on_a_thousand_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    draw, verdicts = random.Random(20260), []
    for _ in range(1000):
        nodes = [
            Node(draw.choice((0.5, 1.0, 1.01, 1.5, 2.0, 3.0, 4.0)), draw.choice((0.0, 0.0, 1.0)))
            for _ in range(draw.randint(1, 3))
        ]
        machine = Machine(
            run_cpus=draw.choice((0.25, 0.5, 1.0, 2.0)),
            run_gpus=draw.choice((0.0, 0.0, 0.5, 1.0)),
            worker_cpus=draw.choice((0.2, 0.5, 1.0)),
            worker_gpus=draw.choice((0.0, 0.0, 0.5)),
            data_cpus=draw.choice((0.5, 1.0, 1.5)),
            data_tasks=draw.choice((1, 1, 2)),
        )
        workers = draw.choice((1, 2, 3))
        monkeypatch.setattr(drive, "local_nodes", lambda _, nodes=nodes: nodes)
        try:
            check_schedulable([ROWS[workers]], machine=machine, backend="ray")
            verdict = True
        except Unschedulable:
            verdict = False
        assert verdict == can_run(nodes, machine=machine, workers=workers), (
            nodes,
            machine,
            workers,
        )
        verdicts.append((workers > 1, verdict))
    for several, verdict in itertools.product((False, True), repeat=2):
        assert verdicts.count((several, verdict)) > 100, (
            "both answers, of both kinds of run, were asked for often"
        )
