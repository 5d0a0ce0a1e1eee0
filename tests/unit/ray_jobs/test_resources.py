"""The arithmetic against a model that tries every placement."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.ray_jobs.resources import DRIVER_CPUS, Machine, Node, safe_concurrency, slots
from physscale.records.errors import Unschedulable, UserError

TENTHS = st.integers(1, 20).map(lambda tenths: tenths / 10)
NODES = st.lists(
    st.builds(Node, cpus=st.integers(1, 40).map(lambda tenths: tenths / 10), gpus=st.integers(0, 2).map(float)), min_size=1, max_size=3
)


def units(amount: float) -> int:
    return round(amount * 10_000)


def never_starves(nodes: list[Node], *, cpus: float, gpus: float, data: float, runs: int) -> bool:
    """Whether `runs` items can be placed, and wherever they go, a data task finds its CPUs: by trying every placement."""
    rooms = [units(node.cpus) // units(cpus) for node in nodes]
    if gpus:
        rooms = [min(room, units(node.gpus) // units(gpus)) for room, node in zip(rooms, nodes, strict=True)]
    placements = [counts for counts in itertools.product(*(range(room + 1) for room in rooms)) if sum(counts) == runs]
    free = [[units(node.cpus) - count * units(cpus) for node, count in zip(nodes, counts, strict=True)] for counts in placements]
    return bool(placements) and all(any(left >= units(data) for left in lefts) for lefts in free)


@given(nodes=NODES, run_cpus=TENTHS, run_gpus=st.sampled_from([0.0, 0.5, 1.0]), data_cpus=TENTHS)
@settings(max_examples=400, deadline=None)
def test_safe_concurrency_is_that_of_trying_every_placement(nodes: list[Node], run_cpus: float, run_gpus: float, data_cpus: float) -> None:
    machine = Machine(run_cpus=run_cpus, run_gpus=run_gpus, data_cpus=data_cpus)
    safe = safe_concurrency(machine, nodes=nodes)
    for runs in range(1, safe + 1):
        assert never_starves(nodes, cpus=run_cpus, gpus=run_gpus, data=data_cpus, runs=runs)
    assert not never_starves(nodes, cpus=run_cpus, gpus=run_gpus, data=data_cpus, runs=safe + 1)


@given(cpus=st.integers(1, 8), workers=st.integers(2, 4), worker_cpus=TENTHS, data_cpus=TENTHS)
def test_groups_of_workers_on_one_node(cpus: int, workers: int, worker_cpus: float, data_cpus: float) -> None:
    machine = Machine(worker_cpus=worker_cpus, data_cpus=data_cpus)
    safe = safe_concurrency(machine, nodes=[Node(float(cpus))], workers=workers)
    held = units(DRIVER_CPUS) + workers * units(worker_cpus)
    assert safe * held + units(data_cpus) <= units(cpus) or safe == 0
    assert (safe + 1) * held + units(data_cpus) > units(cpus)


@pytest.mark.parametrize(
    ("cpus", "workers", "expected"), [(1, 1, 1), (2, 1, 2), (4, 1, 4), (64, 1, 64), (1, 2, 1), (2, 2, 1), (8, 2, 4), (1, 3, 0)]
)
def test_the_built_in_machine_uses_every_core(cpus: int, workers: int, expected: int) -> None:
    nodes = [Node(float(cpus))]
    if expected:
        assert slots(Machine(), nodes=nodes, workers=workers).concurrency == expected
    else:
        with pytest.raises(Unschedulable):
            slots(Machine(), nodes=nodes, workers=workers)


def test_two_trials_of_a_whole_cpu_on_two_are_refused_with_the_numbers() -> None:
    machine = Machine(run_cpus=1.0, data_cpus=0.5, concurrency=2)
    with pytest.raises(Unschedulable, match=r"2 x 1 CPU and 0\.5 CPU .* 2 CPU .*; 1 do"):
        slots(machine, nodes=[Node(2.0)])
    assert slots(replace(machine, concurrency=1), nodes=[Node(2.0)]).concurrency == 1


def test_what_can_never_be_placed_is_refused_with_the_numbers() -> None:
    with pytest.raises(Unschedulable, match=r"wants 4 CPU for the run \+ 0\.5 CPU for its data, the nodes have 2 \+ 2 CPU"):
        slots(Machine(run_cpus=4.0), nodes=[Node(2.0), Node(2.0)])
    with pytest.raises(Unschedulable, match=r"and 1 GPU of 0"):
        slots(Machine(run_gpus=1.0), nodes=[Node(2.0)])


@pytest.mark.parametrize("wrong", [{"run_cpus": 0.0}, {"data_cpus": -1.0}, {"threads": 0}, {"concurrency": 0}])
def test_a_machine_that_makes_no_sense_is_refused_by_key(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        Machine(**wrong)  # type: ignore[arg-type]
