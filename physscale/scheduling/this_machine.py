"""This machine as a cluster of one node: what a process may use of it."""

import os
from pathlib import Path, PurePosixPath

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


def given_cluster() -> str | None:
    """The cluster that `RAY_ADDRESS` names. An empty one names none, nor does `local`: Ray's word
    for a cluster of one's own."""
    address = os.environ.get("RAY_ADDRESS", "").strip()
    return None if address in ("", "local") else address


def usable_cpus(
    *, groups: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")
) -> int:
    """The CPUs that this process may use: its affinity, and the quota of each control group (v1 or
    v2) that it is in."""
    cpus = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    )
    quotas = [quota for folder in _control_groups(groups, mounted) for quota in _quotas(folder)]
    return min([cpus, *(max(1, int(quota)) for quota in quotas)])


def _control_groups(groups: Path, mounted: Path) -> set[Path]:
    """The folders of this process's groups and of those around them. A container may see its own
    group at the root."""
    lines = groups.read_text().splitlines() if groups.exists() else []
    found = set()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = [controllers, *controllers.split(",")] if controllers else [""]
        for name in {name for name in names if name in ("", controllers) or name == "cpu"}:
            inner = PurePosixPath(path.lstrip("/"))
            found |= {mounted / name / part for part in (inner, *inner.parents)}
    return found


def _quotas(folder: Path) -> list[float]:
    """How many CPUs a group may use on average, if that is limited."""
    new, old = folder / "cpu.max", folder / "cpu.cfs_quota_us"
    if new.exists():
        limit, period = new.read_text().split()
        return [] if limit == "max" else [int(limit) / int(period)]
    if old.exists() and int(old.read_text()) > 0:
        return [int(old.read_text()) / int((folder / "cpu.cfs_period_us").read_text())]
    return []
