"""The arithmetic against a model that tries every placement."""

import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.errors import Unschedulable, UserError
from physscale.scheduling.resources import (
    DRIVER_CPUS,
    Machine,
    Node,
    safe_concurrency,
    safe_workers,
    slots,
)

TENTHS = st.integers(1, 20).map(lambda tenths: tenths / 10)
NODES = st.lists(
    st.builds(
        Node,
        cpus=st.integers(1, 40).map(lambda tenths: tenths / 10),
        gpus=st.integers(0, 2).map(float),
    ),
    min_size=1,
    max_size=3,
)


def units(amount: float) -> int:
    return round(amount * 10_000)


def fits(nodes: list[Node], *, machine: Machine, runs: int) -> bool:
    """Whether so many runs and all their data tasks have a place together: by trying every
    distribution of the runs."""
    rooms = [units(node.cpus) // units(machine.run_cpus) for node in nodes]
    if machine.run_gpus:
        rooms = [
            min(room, int(node.gpus) * int(1 / machine.run_gpus))
            for room, node in zip(rooms, nodes, strict=True)
        ]
    for counts in itertools.product(*(range(room + 1) for room in rooms)):
        left = [
            units(node.cpus) - count * units(machine.run_cpus)
            for node, count in zip(nodes, counts, strict=True)
        ]
        if (
            sum(counts) == runs
            and sum(cpus // units(machine.data_cpus) for cpus in left) >= runs * machine.data_tasks
        ):
            return True
    return False


@given(
    nodes=NODES,
    run_cpus=TENTHS,
    run_gpus=st.sampled_from([0.0, 0.25, 0.4, 1.0]),
    data_cpus=TENTHS,
    data_tasks=st.sampled_from([1, 1, 2]),
)
@settings(max_examples=400)
def test_what_fits_is_that_of_trying_every_placement(
    nodes: list[Node], run_cpus: float, run_gpus: float, data_cpus: float, data_tasks: int
) -> None:
    machine = Machine(
        run_cpus=run_cpus, run_gpus=run_gpus, data_cpus=data_cpus, data_tasks=data_tasks
    )
    safe = safe_concurrency(machine, nodes=nodes)
    assert all(fits(nodes, machine=machine, runs=runs) for runs in range(safe + 1))
    assert not any(fits(nodes, machine=machine, runs=runs) for runs in range(safe + 1, safe + 4))


def test_small_runs_share_a_gpu_and_no_part_spans_two() -> None:
    machine = Machine(run_cpus=1.0, run_gpus=0.4, data_cpus=1.0)
    assert slots(machine, nodes=[Node(64.0, gpus=2.0)]).concurrency == 4
    assert slots(replace(machine, run_gpus=2.0), nodes=[Node(64.0, gpus=4.0)]).concurrency == 2


def test_a_run_computes_on_the_gpus_that_it_is_given() -> None:
    one, many = Machine(run_gpus=0.5), Machine(worker_gpus=1.0)
    assert [one.device(), one.device(workers=2)] == ["cuda", "cpu"]
    assert [many.device(), many.device(workers=2)] == ["cpu", "cuda"]
    assert [one.promises_gpus, many.promises_gpus, Machine().promises_gpus] == [True, True, False]
    assert one.bundles() == [{"CPU": 0.5, "GPU": 0.5}, {"CPU": 0.5}]
    assert Machine(data_tasks=2).bundles() == [{"CPU": 0.5}, {"CPU": 0.5}, {"CPU": 0.5}]


def test_groups_of_workers_are_counted_with_their_driver() -> None:
    schedule = slots(Machine(), nodes=[Node(8.0)], workers=2)
    assert schedule.arithmetic == "4 at a time x 0.41 CPU + 0.5 CPU for data = 2.14 of 8 CPU"
    assert schedule.run_cpus == DRIVER_CPUS
    schedule = slots(Machine(), nodes=[Node(8.0)])
    assert schedule.arithmetic == "8 at a time x (0.5 CPU + 0.5 CPU for data) = 8 of 8 CPU"
    assert schedule.run_cpus == 0.5


def test_a_gpu_that_would_stand_idle_for_want_of_cpus_is_named() -> None:
    machine = Machine(run_cpus=1.0, run_gpus=0.25, data_cpus=1.0)
    assert "idle" not in slots(machine, nodes=[Node(8.0, gpus=1.0)]).arithmetic
    assert "0.5 GPU stay idle: more CPUs" in slots(machine, nodes=[Node(4.0, gpus=1.0)]).arithmetic


def test_data_tasks_of_a_gpu_run_may_sit_on_a_node_without_gpus() -> None:
    machine = Machine(run_cpus=1.0, run_gpus=1.0, data_cpus=1.0, data_tasks=4)
    with pytest.raises(Unschedulable, match=r"4 x 1 CPU for its data and 1 GPU of 1"):
        slots(machine, nodes=[Node(4.0, gpus=1.0)])
    assert slots(machine, nodes=[Node(4.0, gpus=1.0), Node(2.0)]).concurrency == 1


def test_an_autoscaling_cluster_is_counted_with_the_nodes_it_will_have() -> None:
    machine = Machine(
        run_cpus=1.0, run_gpus=1.0, data_cpus=1.0, nodes=16, node_cpus=8.0, node_gpus=2.0
    )
    schedule = slots(machine, nodes=[Node(1.0)])
    assert schedule.concurrency == 32
    assert schedule.arithmetic.endswith("of 128 CPU, 32 of 32 GPU")


def test_a_thousand_nodes_are_counted_at_once() -> None:
    for nodes, runs in ((16, 1024), (31, 1984), (32, 2048), (33, 2048), (1000, 2048)):
        assert slots(Machine(), nodes=[Node(64.0)] * nodes).concurrency == runs
    hungry = Machine(data_tasks=2, data_cpus=0.25)
    assert slots(hungry, nodes=[Node(64.0)] * 33).concurrency == 2048


@given(cpus=st.integers(1, 8), workers=st.integers(2, 4), worker_cpus=TENTHS, data_cpus=TENTHS)
def test_groups_of_workers_on_one_node(
    cpus: int, workers: int, worker_cpus: float, data_cpus: float
) -> None:
    machine = Machine(worker_cpus=worker_cpus, data_cpus=data_cpus)
    safe = safe_concurrency(machine, nodes=[Node(float(cpus))], workers=workers)
    held = units(DRIVER_CPUS) + workers * units(worker_cpus)
    assert safe * held + units(data_cpus) <= units(cpus) or safe == 0
    assert (safe + 1) * held + units(data_cpus) > units(cpus)


@pytest.mark.parametrize(
    ("cpus", "workers", "expected"),
    [(1, 1, 1), (2, 1, 2), (4, 1, 4), (64, 1, 64), (1, 2, 1), (2, 2, 1), (8, 2, 4), (1, 3, 0)],
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
    with pytest.raises(Unschedulable, match=r"2 x \(1 CPU \+ 0\.5 CPU for data\) .* 2 CPU; 1 do"):
        slots(machine, nodes=[Node(2.0)])
    assert slots(replace(machine, concurrency=1), nodes=[Node(2.0)]).concurrency == 1


def test_what_can_never_be_placed_is_refused_with_the_numbers() -> None:
    with pytest.raises(
        Unschedulable,
        match=r"wants 4 CPU for the run \+ 0\.5 CPU for its data, the nodes have 2 \+ 2 CPU",
    ):
        slots(Machine(run_cpus=4.0), nodes=[Node(2.0), Node(2.0)])
    with pytest.raises(Unschedulable, match=r"and 1 GPU of 0"):
        slots(Machine(run_gpus=1.0), nodes=[Node(2.0)])


@given(nodes=NODES, worker_cpus=TENTHS, data_cpus=TENTHS)
def test_so_many_workers_leave_room_for_data_wherever_they_are_put(
    nodes: list[Node], worker_cpus: float, data_cpus: float
) -> None:
    machine = Machine(worker_cpus=worker_cpus, data_cpus=data_cpus)
    rooms = [units(node.cpus) // units(worker_cpus) for node in nodes]

    def safe(workers: int) -> bool:
        """By trying every distribution."""
        left = [
            [
                units(node.cpus) - count * units(worker_cpus)
                for node, count in zip(nodes, counts, strict=True)
            ]
            for counts in itertools.product(*(range(room + 1) for room in rooms))
            if sum(counts) == workers
        ]
        return bool(left) and all(any(cpus >= units(data_cpus) for cpus in free) for free in left)

    most = safe_workers(machine, nodes=nodes)
    assert most == 0 or safe(most)
    assert not safe(most + 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_cpus": 0.0},
        {"data_cpus": -1.0},
        {"threads": 0},
        {"concurrency": 0},
        {"nodes": 0},
        {"run_gpus": 1.5},
        {"worker_gpus": 2.5},
        {"arithmetic": "exact"},
        {"data_tasks": 0},
        {"fewest_workers": 0},
    ],
)
def test_a_machine_that_makes_no_sense_is_refused_by_key(wrong: dict[str, object]) -> None:
    Machine(run_gpus=3.0, worker_gpus=0.5, arithmetic="deterministic")
    with pytest.raises(UserError, match=next(iter(wrong))):
        Machine(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("gpus", [0.25, 1, 2, 3])
def test_a_part_of_a_gpu_or_whole_ones_make_sense(gpus: float) -> None:
    assert Machine(run_gpus=gpus).run_gpus == gpus


def test_the_words_sum_nodes_and_name_idle_gpus() -> None:
    machine = Machine(run_cpus=2, data_cpus=1, run_gpus=1)
    for cpus, count, words in (
        ([3.0, 3.0], 2, "2 of 4 GPU; 2 GPU stay idle"),
        ([6.0, 3.0], 3, "3 of 4 GPU; 1 GPU stay idle"),
        ([6.0, 6.0], 4, "4 of 4 GPU"),
    ):
        found = slots(machine, nodes=[Node(each, 2) for each in cpus])
        assert (found.concurrency, found.arithmetic.rpartition(", ")[0] != "") == (count, True)
        assert words in found.arithmetic
        assert ("stay idle" in found.arithmetic) == ("idle" in words)
    for nodes, said in (([1.0] * 5, "5 x 1 CPU"), ([1.0] * 4, "1 + 1 + 1 + 1 CPU")):
        with pytest.raises(Unschedulable, match=re.escape(f"the nodes have {said}")):
            slots(Machine(run_cpus=2), nodes=[Node(each) for each in nodes])


def test_a_node_without_cpus_holds_nothing_and_hides_none() -> None:
    machine = Machine(run_cpus=0.5, data_cpus=0.5, worker_cpus=0.5)
    for found in (safe_concurrency, safe_workers):
        with_empty = found(machine, nodes=[Node(0.0), Node(4.0)])
        assert with_empty == found(machine, nodes=[Node(4.0)])
        assert with_empty > 0
    crowd = safe_workers(machine, nodes=[Node(-1.0), Node(4.0)])
    assert crowd == safe_workers(machine, nodes=[Node(4.0)])


def test_drivers_of_several_runs_are_taken_off_every_node() -> None:
    machine = Machine(worker_cpus=0.5, data_cpus=0.5)
    counts = [safe_concurrency(machine, nodes=[Node(cpus)], workers=2) for cpus in range(1, 9)]
    for cpus, runs in enumerate(counts, start=1):
        fitting = [
            each
            for each in range(1, 30)
            if each * (DRIVER_CPUS + 2 * machine.worker_cpus) + machine.data_cpus <= cpus + 1e-9
        ]
        assert runs == max(fitting, default=0)


def test_plenty_of_cpus_do_not_stand_in_for_gpus() -> None:
    machine = Machine(run_cpus=1, data_cpus=0.1, run_gpus=1)
    assert safe_concurrency(machine, nodes=[Node(1000.0, 3)]) == 3
    assert safe_concurrency(machine, nodes=[Node(10_000.0, 2047), Node(1.0, 1)]) == 2048
