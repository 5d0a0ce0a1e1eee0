"""The arithmetic that keeps a sweep from waiting for ever: how many runs fit at a time, each with
the CPUs of its own data tasks.

A run computes with `run_cpus` (and `run_gpus`) and streams its videos through tasks of `data_cpus`.
Runs that take everything leave no CPU for their data tasks, and Ray does not say so (ray#24304,
ray#54305). So a run of one worker is one placement group, given whole or not at all: a bundle to
compute in and `data_tasks` bundles of `data_cpus` that only its own tasks may use. However many
drivers share a cluster, a run that has begun gets its videos, and a GPU never waits for a CPU that
another run holds. What fits is

    max Σ_i n_i   with   Σ_i ⌊(C_i − n_i·run_cpus) / data_cpus⌋ ≥ data_tasks · Σ_i n_i
                  and    n_i ≤ ⌊C_i/run_cpus⌋, ⌊G_i/run_gpus⌋

over nodes of C_i CPUs and G_i GPUs, found exactly. A run of several workers holds `DRIVER_CPUS` for
its Tune trial and Ray Train's own group of `workers × worker_cpus`; its data tasks take what is
free, so there a concurrency is safe only if under *every* placement one node keeps `data_cpus`
free: Σ_i blocked_i − 1, with blocked_i = ⌊(C_i − data)/worker⌋ + 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from physscale.records.errors import Unschedulable, UserError
from physscale.records.limits import BILLION, Limits, Range, check_limits
from physscale.scheduling.arithmetic import Arithmetic
from physscale.scheduling.gpus import Device

DRIVER_CPUS = 0.01
"""What the Tune trial of a run with several Ray Train workers holds itself (Tune refuses 0)."""

_UNITS = 10_000
"""Ray counts resources in units of 1/10000."""

_AT_A_TIME = 2048
"""No driver runs more than this many at a time."""

_CPUS = Range(1 / _UNITS, 10_000)
_GPUS = Range(0, 10_000)
_COUNT = Range(1, 10_000)
_PACE = Range(0, 1e30, without="low")
_LIMITS: Limits = {
    **dict.fromkeys(("run_cpus", "worker_cpus", "data_cpus", "node_cpus"), _CPUS),
    **dict.fromkeys(("run_gpus", "worker_gpus", "node_gpus"), _GPUS),
    **dict.fromkeys(("fewest_workers", "data_tasks", "threads", "concurrency"), _COUNT),
    **dict.fromkeys(("nodes", "pack"), _COUNT),
    **dict.fromkeys(("node_link_bytes_per_s", "flops_per_s"), _PACE),
    "patience_s": Range(0, BILLION, without="low"),
}


@dataclass(frozen=True)
class Machine:
    """What a kind of machine gives to one run; a file of `cluster/` holds one of these.

    With `fewest_workers`, a run of several workers that loses some continues with the rest, down to
    this number. Without it, the run waits until all its workers are back.

    With `arithmetic: deterministic`, a run that is repeated on GPUs of one kind has the same bits.

    With `pack`, up to so many runs of one shape train as one program (`train/pack.py`).

    With `nodes`, the plan counts on this many nodes of `node_cpus` and `node_gpus`, which an
    autoscaler will start, instead of the nodes that are up.

    With `gpu`, a card of `study/devices.py`, plans predict times by it and refuse what its memory
    does not hold. `node_link_bytes_per_s` is what a node sends to another, in one direction."""

    name: str = "local"
    run_cpus: float = 0.5
    run_gpus: float = 0.0
    worker_cpus: float = 0.2
    worker_gpus: float = 0.0
    fewest_workers: int | None = None
    data_cpus: float = 0.5
    data_tasks: int = 1
    threads: int = 1
    arithmetic: Arithmetic = "fast"
    concurrency: int | None = None
    nodes: int | None = None
    node_cpus: float = 1.0
    node_gpus: float = 0.0
    node_link_bytes_per_s: float = 25e9
    gpu: str | None = None
    pack: int = 1
    patience_s: float = 300.0
    flops_per_s: float = 2e10

    def __post_init__(self) -> None:
        if self.arithmetic not in get_args(Arithmetic):
            raise UserError(
                f"machine {self.name}: arithmetic={self.arithmetic!r}, allowed are "
                f"{' and '.join(map(repr, get_args(Arithmetic)))}"
            )
        given = {name: limit for name, limit in _LIMITS.items() if getattr(self, name) is not None}
        check_limits(self, given, what=f"machine {self.name[:40]}")
        for key in ("run_gpus", "worker_gpus"):
            if getattr(self, key) > 1 and getattr(self, key) % 1:
                raise UserError(
                    f"machine {self.name}: {key}={getattr(self, key)}, Ray gives parts of one GPU "
                    "or whole ones"
                )

    def device(self, *, workers: int = 1) -> Device:
        """Where a run of this many workers computes."""
        return "cuda" if (self.run_gpus if workers == 1 else self.worker_gpus) else "cpu"

    @property
    def promises_gpus(self) -> bool:
        """Whether any run is given one."""
        return bool(self.run_gpus or self.worker_gpus)

    def bundles(self) -> list[dict[str, float]]:
        """The placement group of a run of one worker: where it computes, then where its data tasks
        do."""
        own = {"CPU": self.run_cpus} | ({"GPU": self.run_gpus} if self.run_gpus else {})
        return [own, *[{"CPU": self.data_cpus}] * self.data_tasks]


@dataclass(frozen=True)
class Node:
    """One machine of the cluster."""

    cpus: float
    gpus: float = 0.0


@dataclass(frozen=True)
class Slots:
    """A schedule that cannot starve: how many runs at a time, and what each of them holds."""

    concurrency: int
    run_cpus: float
    arithmetic: str


def slots(machine: Machine, *, nodes: Sequence[Node], workers: int = 1) -> Slots:
    """How many runs of `workers` workers may go at a time on these nodes, or on the machine file's
    own.

    Raises:
        Unschedulable: with the numbers, if not even one fits beside its data, or if the machine
        file asks for more than fits.
    """
    if machine.nodes is not None:
        nodes = [Node(machine.node_cpus, machine.node_gpus)] * machine.nodes
    single = workers == 1
    fit = safe_concurrency(machine, nodes=nodes, workers=workers)
    held = machine.run_cpus if single else DRIVER_CPUS + workers * machine.worker_cpus
    tasks = f"{machine.data_tasks} x " if machine.data_tasks > 1 and single else ""
    data = machine.data_cpus * (machine.data_tasks if single else 1)
    per_task = f"{tasks}{machine.data_cpus:g} CPU"
    has = _summed([node.cpus for node in nodes])
    if fit < 1:
        gpus = machine.run_gpus if single else workers * machine.worker_gpus
        more = f" and {gpus:g} GPU of {_summed([node.gpus for node in nodes])}" if gpus else ""
        raise Unschedulable(
            f"a run with {workers} worker{'s' * (not single)} wants {held:g} CPU for the run + "
            f"{per_task} for its data"
            f"{more}, the nodes have {has} CPU: lower run_cpus, worker_cpus or data_cpus in the "
            "machine file, or add CPUs"
        )
    if machine.concurrency is not None and single and machine.concurrency > fit:
        raise Unschedulable(
            f"concurrency={machine.concurrency} starves the data tasks: {machine.concurrency} x "
            f"({held:g} CPU + {per_task} "
            f"for data) do not fit into {has} CPU; {fit} do"
        )
    busy = sum(int(node.cpus // (machine.threads * workers)) for node in nodes)
    count = machine.concurrency if machine.concurrency and single else max(1, min(fit, busy))
    total = sum(node.cpus for node in nodes)
    if single:
        arithmetic = (
            f"{count} at a time x ({held:g} CPU + {per_task} for data) = {count * (held + data):g}"
        )
    else:
        arithmetic = (
            f"{count} at a time x {held:g} CPU + {data:g} CPU for data = {count * held + data:g}"
        )
    return Slots(
        concurrency=count,
        run_cpus=machine.run_cpus if single else DRIVER_CPUS,
        arithmetic=f"{arithmetic} of {total:g} "
        f"CPU{_gpus(machine, nodes=nodes, count=count, workers=workers)}",
    )


def safe_concurrency(machine: Machine, *, nodes: Sequence[Node], workers: int = 1) -> int:
    """The largest number of runs at a time that leaves none without its data; 0 if there is none.

    For several workers the one driver's `DRIVER_CPUS` may lie on any node; of several drivers all
    are taken off every node, since any may hold them all."""
    if workers == 1:
        return _fitting(machine, nodes=nodes)
    hosts = [at for at, node in enumerate(nodes) if _units(node.cpus) >= _units(DRIVER_CPUS)]
    alone = [
        [Node(node.cpus - DRIVER_CPUS * (at == host), node.gpus) for at, node in enumerate(nodes)]
        for host in hosts
    ]
    if not alone or min(safe_workers(machine, nodes=left) for left in alone) < workers:
        return 0
    runs = 1
    while True:
        left = [Node(node.cpus - (runs + 1) * DRIVER_CPUS, node.gpus) for node in nodes]
        if safe_workers(machine, nodes=left) < (runs + 1) * workers:
            return runs
        runs += 1


def safe_workers(machine: Machine, *, nodes: Sequence[Node]) -> int:
    """How many workers of runs of several may be placed so that, wherever they are put, one node
    keeps the CPUs of a data task."""
    return _safe(nodes, cpus=machine.worker_cpus, gpus=machine.worker_gpus, data=machine.data_cpus)


def _fitting(machine: Machine, *, nodes: Sequence[Node]) -> int:
    """The largest number of placement groups that the nodes hold together: `most[k]` data tasks
    beside k runs, node after node."""
    item = _units(machine.run_cpus)
    item_gpus = _units(machine.run_gpus)
    task = _units(machine.data_cpus)
    most = np.zeros(1, np.int64)
    for node in nodes:
        room = min(max(0, _units(node.cpus)) // item, _on_gpus(node, each=item_gpus), _AT_A_TIME)
        longer = np.full(min(len(most) + room, _AT_A_TIME + 1), -1, np.int64)
        for runs in range(room + 1):
            tasks = (_units(node.cpus) - runs * item) // task
            reached = most[: len(longer) - runs]
            longer[runs : runs + len(reached)] = np.maximum(
                longer[runs : runs + len(reached)], reached + tasks
            )
        most = longer
        if len(most) > _AT_A_TIME and most[-1] >= machine.data_tasks * _AT_A_TIME:
            return _AT_A_TIME
    fed = np.flatnonzero(most >= machine.data_tasks * np.arange(len(most)))
    return int(fed[-1])


def _gpus(machine: Machine, *, nodes: Sequence[Node], count: int, workers: int) -> str:
    """How many GPUs the runs use, in words. If a whole slot of GPUs stays idle, CPUs are what is
    missing."""
    each = machine.run_gpus if workers == 1 else workers * machine.worker_gpus
    total = sum(node.gpus for node in nodes)
    if not each:
        return ""
    idle = total - count * each
    hint = (
        f"; {idle:g} GPU stay idle: more CPUs per node, or a smaller run_cpus or data_cpus, would "
        "use them"
        if idle >= each
        else ""
    )
    return f", {count * each:g} of {total:g} GPU{hint}"


def _summed(amounts: Sequence[float]) -> str:
    """`2 + 2`, or `64 x 8` where many are equal."""
    if len(amounts) > 4 and len(set(amounts)) == 1:
        return f"{len(amounts)} x {amounts[0]:g}"
    return " + ".join(f"{amount:g}" for amount in amounts)


def _safe(nodes: Sequence[Node], *, cpus: float, gpus: float, data: float) -> int:
    """The largest number of equal items such that however they are placed, some node keeps `data`
    CPUs free."""
    item, item_gpus, task = _units(cpus), _units(gpus), _units(data)
    room = 0
    starving: int | None = 0
    for node in nodes:
        capacity = min(max(0, _units(node.cpus)) // item, _on_gpus(node, each=item_gpus))
        room += capacity
        if _units(node.cpus) < task or starving is None:
            continue
        blocked = (_units(node.cpus) - task) // item + 1
        starving = None if blocked > capacity else starving + blocked
    return room if starving is None else max(0, min(room, starving - 1))


def _on_gpus(node: Node, *, each: int) -> int:
    """How many items of `each` units a node's GPUs hold; a part of a GPU is a part of one GPU,
    never of two."""
    if each == 0:
        return _AT_A_TIME
    whole = _units(1.0)
    return int(node.gpus) * (whole // each) if each < whole else _units(node.gpus) // each


def _units(amount: float) -> int:
    return round(amount * _UNITS)
