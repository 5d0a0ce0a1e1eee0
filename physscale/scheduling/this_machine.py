"""This machine as a cluster of one node: what a process may use of it."""

import os
from pathlib import Path

from physscale.records.errors import Unschedulable
from physscale.scheduling.gpus import visible_gpus, why_none
from physscale.scheduling.resources import Machine, Node


def local_nodes(machine: Machine) -> list[Node]:
    """This machine as a cluster of one: the CPUs that this process may use (affinity and cgroup
    quota) and, where the machine file promises GPUs, those that torch sees."""
    return [Node(cpus=float(usable_cpus()), gpus=float(local_gpus(machine)))]


def local_gpus(machine: Machine) -> int:
    """The GPUs of this machine, for a machine file that promises some. Otherwise torch is not
    asked.

    Raises:
        Unschedulable: if there are none, and the file names no nodes that could have them.
    """
    found = visible_gpus() if machine.promises_gpus else 0
    if machine.promises_gpus and not found and machine.nodes is None:
        raise Unschedulable(
            f"machine {machine.name}: run_gpus={machine.run_gpus:g}, "
            f"worker_gpus={machine.worker_gpus:g}, and torch sees no GPU here: {why_none()}; "
            "choose another --machine, or set RAY_ADDRESS to a cluster with GPUs"
        )
    return found


def usable_cpus() -> int:
    """The CPUs that this process may use."""
    cpus = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    )
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.exists():
        limit, period = quota.read_text().split()
        if limit != "max":
            cpus = min(cpus, max(1, int(limit) // int(period)))
    return cpus
