"""Runs of several workers by trying every placement; and what the schedule says in words."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.errors import Unschedulable
from physscale.scheduling.resources import DRIVER_CPUS, Machine, Node, safe_concurrency, slots
from tests.unit.ray_jobs.test_resources import NODES, TENTHS, units


def worker_model(
    nodes: list[Node], *, worker_cpus: float, data_cpus: float, drivers: list[int], workers: int
) -> bool:
    """Whether workers have places beside drivers, and wherever they are put, a data task has one:
    by trying every distribution. `drivers`: how many lie on each node."""
    free = [
        units(node.cpus) - here * units(DRIVER_CPUS)
        for node, here in zip(nodes, drivers, strict=True)
    ]
    rooms = [max(0, cpus) // units(worker_cpus) for cpus in free]
    left = [
        [cpus - count * units(worker_cpus) for cpus, count in zip(free, counts, strict=True)]
        for counts in itertools.product(*(range(room + 1) for room in rooms))
        if sum(counts) == workers
    ]
    return bool(left) and all(any(cpus >= units(data_cpus) for cpus in each) for each in left)


@given(nodes=NODES, worker_cpus=TENTHS, data_cpus=TENTHS, workers=st.integers(2, 3))
@settings(max_examples=60)
def test_groups_of_workers_on_several_nodes(
    nodes: list[Node], worker_cpus: float, data_cpus: float, workers: int
) -> None:
    def fits(runs: int) -> bool:
        places = [[int(at == host) for at in range(len(nodes))] for host in range(len(nodes))]
        return all(
            worker_model(
                nodes,
                worker_cpus=worker_cpus,
                data_cpus=data_cpus,
                drivers=drivers,
                workers=runs * workers,
            )
            for drivers in (places if runs == 1 else [[runs] * len(nodes)])
        )

    machine = Machine(worker_cpus=worker_cpus, data_cpus=data_cpus)
    safe = safe_concurrency(machine, nodes=nodes, workers=workers)
    assert all(fits(runs) for runs in range(1, safe + 1))
    assert not fits(safe + 1)


def test_a_driver_may_take_the_last_cpus_of_a_node() -> None:
    machine = Machine(worker_cpus=0.01, worker_gpus=1.0, data_cpus=0.5)
    nodes = [Node(0.01, gpus=1.0), Node(10.0, gpus=1.0)]
    assert safe_concurrency(machine, nodes=nodes, workers=2) == 0
    assert safe_concurrency(machine, nodes=[Node(0.02, gpus=1.0), nodes[1]], workers=2) == 1


def test_threads_that_would_share_a_core_are_not_counted_twice() -> None:
    eight = [Node(8.0)]
    assert slots(Machine(threads=2), nodes=eight).concurrency == 4
    assert slots(Machine(threads=2), nodes=eight, workers=2).concurrency == 2
    assert slots(Machine(threads=16), nodes=eight).concurrency == 1
    assert slots(Machine(concurrency=1), nodes=eight, workers=2).concurrency == 4
    assert slots(Machine(concurrency=5), nodes=eight).concurrency == 5


def test_the_words_count_what_each_run_holds() -> None:
    assert slots(Machine(data_tasks=2), nodes=[Node(8.0)]).arithmetic == (
        "5 at a time x (0.5 CPU + 2 x 0.5 CPU for data) = 7.5 of 8 CPU"
    )
    assert slots(Machine(data_tasks=2), nodes=[Node(8.0)], workers=2).arithmetic == (
        "4 at a time x 0.41 CPU + 0.5 CPU for data = 2.14 of 8 CPU"
    )
    four = [Node(8.0, gpus=4.0)]
    assert slots(Machine(worker_gpus=1.0), nodes=four, workers=2).arithmetic.endswith(
        " of 8 CPU, 4 of 4 GPU"
    )
    half = Machine(run_cpus=1.0, run_gpus=0.5, data_cpus=1.0)
    said = slots(half, nodes=[Node(2.0, gpus=1.0)]).arithmetic
    assert ", 0.5 of 1 GPU; 0.5 GPU stay idle: more CPUs per node" in said


@pytest.mark.parametrize(
    ("nodes", "workers", "said"),
    [
        ([2.0] * 4, 1, "a run with 1 worker wants 4 CPU .* the nodes have 2 \\+ 2 \\+ 2 \\+ 2 CPU"),
        ([2.0] * 5, 1, "the nodes have 5 x 2 CPU"),
        ([2.0] * 4 + [1.0], 1, "the nodes have 2 \\+ 2 \\+ 2 \\+ 2 \\+ 1 CPU"),
        ([2.0], 3, "a run with 3 workers wants 9\\.01 CPU .* and 6 GPU of 0, the nodes have 2 CPU"),
    ],
)
def test_a_refusal_tells_what_is_wanted_and_what_there_is(
    nodes: list[float], workers: int, said: str
) -> None:
    machine = Machine(run_cpus=4.0, worker_cpus=3.0, worker_gpus=2.0)
    with pytest.raises(Unschedulable, match=said):
        slots(machine, nodes=[Node(cpus) for cpus in nodes], workers=workers)
