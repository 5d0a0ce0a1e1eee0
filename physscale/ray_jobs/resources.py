"""The arithmetic that keeps a sweep from waiting for ever: how many runs may hold CPUs while their data tasks still find one.

A run holds `run_cpus` for its whole life and streams its videos through tasks of `data_cpus`. If the runs take everything, no task ever
starts and nothing says so (ray#24304, ray#54305). A node of C CPUs with k runs leaves C − k·run_cpus; the scheduler may place runs as it
likes, so a concurrency is safe only if under *every* placement one node keeps `data_cpus` free:

    safe = Σ_i blocked_i − 1,   blocked_i = ⌊(C_i − data)/run⌋ + 1   (the fewest runs that starve node i),   at most Σ_i ⌊C_i/run⌋

A run of several workers holds `DRIVER_CPUS` for its Tune trial and a placement group of `workers × worker_cpus`, taken whole or not at all.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from physscale.records.errors import Unschedulable, UserError

DRIVER_CPUS = 0.01
"""What the Tune trial of a run with several Ray Train workers holds itself (Tune refuses 0)."""

_UNITS = 10_000
"""Ray counts resources in units of 1/10000."""


@dataclass(frozen=True)
class Machine:
    """What a kind of machine gives to one run; a file of `cluster/` holds one of these."""

    name: str = "local"
    run_cpus: float = 0.5
    run_gpus: float = 0.0
    worker_cpus: float = 0.2
    worker_gpus: float = 0.0
    data_cpus: float = 0.5
    threads: int = 1
    concurrency: int | None = None
    flops_per_s: float = 2e10

    def __post_init__(self) -> None:
        for key in ("run_cpus", "worker_cpus", "data_cpus", "threads", "flops_per_s"):
            if getattr(self, key) <= 0:
                raise UserError(f"machine {self.name}: {key}={getattr(self, key)}, must be above 0")
        if self.concurrency is not None and self.concurrency < 1:
            raise UserError(f"machine {self.name}: concurrency={self.concurrency}, must be 1 or more (or left out: as many as fit)")


@dataclass(frozen=True)
class Node:
    """One machine of the cluster."""

    cpus: float
    gpus: float = 0.0


@dataclass(frozen=True)
class Slots:
    """A schedule that cannot starve: so many runs at a time, each holding so much."""

    concurrency: int
    run_cpus: float
    arithmetic: str


def slots(machine: Machine, *, nodes: Sequence[Node], workers: int = 1) -> Slots:
    """How many runs of `workers` workers may go at a time.

    Raises:
        Unschedulable: with the numbers, if not even one fits beside its data, or if the machine file asks for more than is safe.
    """
    safe = safe_concurrency(machine, nodes=nodes, workers=workers)
    held = machine.run_cpus if workers == 1 else DRIVER_CPUS + workers * machine.worker_cpus
    wants = f"{held:g} CPU for the run + {machine.data_cpus:g} CPU for its data"
    has = " + ".join(f"{node.cpus:g}" for node in nodes)
    if safe < 1:
        gpus = machine.run_gpus if workers == 1 else workers * machine.worker_gpus
        more = f" and {gpus:g} GPU of {' + '.join(f'{node.gpus:g}' for node in nodes)}" if gpus else ""
        raise Unschedulable(
            f"a run with {workers} worker{'s' * (workers > 1)} wants {wants}{more}, the nodes have {has} CPU: "
            f"lower run_cpus, worker_cpus or data_cpus in the machine file, or add CPUs"
        )
    if machine.concurrency is not None and workers == 1 and machine.concurrency > safe:
        raise Unschedulable(
            f"concurrency={machine.concurrency} starves the data tasks: {machine.concurrency} x {held:g} CPU and {machine.data_cpus:g} CPU "
            f"for data do not fit into {has} CPU under every placement; {safe} do"
        )
    busy = sum(int(node.cpus // (machine.threads * workers)) for node in nodes)
    count = machine.concurrency if machine.concurrency and workers == 1 else max(1, min(safe, busy))
    total = sum(node.cpus for node in nodes)
    arithmetic = (
        f"{count} at a time x {held:g} CPU + {machine.data_cpus:g} CPU for data = {count * held + machine.data_cpus:g} of {total:g} CPU"
    )
    return Slots(concurrency=count, run_cpus=machine.run_cpus if workers == 1 else DRIVER_CPUS, arithmetic=arithmetic)


def safe_concurrency(machine: Machine, *, nodes: Sequence[Node], workers: int = 1) -> int:
    """The largest number of runs at a time that no placement can starve; 0 if there is none.

    For several workers the drivers' `DRIVER_CPUS` are taken off every node, since any of them may hold all drivers.
    """
    if workers == 1:
        return _safe(nodes, cpus=machine.run_cpus, gpus=machine.run_gpus, data=machine.data_cpus)
    runs = 0
    while True:
        left = [Node(node.cpus - (runs + 1) * DRIVER_CPUS, node.gpus) for node in nodes]
        items = _safe(left, cpus=machine.worker_cpus, gpus=machine.worker_gpus, data=machine.data_cpus)
        if items < (runs + 1) * workers:
            return runs
        runs += 1


def local_nodes() -> list[Node]:
    """This machine as a cluster of one: the CPUs that this process may use (affinity and cgroup quota)."""
    return [Node(cpus=float(usable_cpus()))]


def usable_cpus() -> int:
    """CPUs this process may use."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.exists():
        limit, period = quota.read_text().split()
        if limit != "max":
            cpus = min(cpus, max(1, int(limit) // int(period)))
    return cpus


def _safe(nodes: Sequence[Node], *, cpus: float, gpus: float, data: float) -> int:
    """The largest number of equal items such that however they are placed, some node keeps `data` CPUs free."""
    item, item_gpus, task = _units(cpus), _units(gpus), _units(data)
    room = 0
    starving: int | None = 0
    for node in nodes:
        capacity = max(0, _units(node.cpus)) // item
        if item_gpus:
            capacity = min(capacity, _units(node.gpus) // item_gpus)
        room += capacity
        if _units(node.cpus) < task or starving is None:
            continue
        blocked = (_units(node.cpus) - task) // item + 1
        starving = None if blocked > capacity else starving + blocked
    return room if starving is None else max(0, min(room, starving - 1))


def _units(amount: float) -> int:
    return round(amount * _UNITS)
