"""Watches a sweep, and says who holds what when nothing advances.

A run with a placement group of its own cannot starve once it has begun. What can still wait
forever: runs of several workers, whose data tasks take what is free; runs whose nodes are gone;
runs on a cluster that somebody else has filled. After `patience_s` without any advance (no line in
the ledger, no run at work that is not waiting itself) the watchdog tells, on standard error and in
`watchdog.log` of the study: each waiting run, what it wants and since when, what every node has
free, and who holds the rest. Then it acts:

* all runs at work wait for one another: they are ended (they go on from their checkpoints) and the
  sweep continues with one fewer at a time; if one alone still waits, it ends with `Unschedulable`
  (exit code 4);
* no run can start since the nodes left could never hold one, and the machine file promises no
  others: `Unschedulable`;
* no run can start since others hold the cluster: it says so again after each `patience_s`, and
waits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.util import placement_group_table

from physscale.ray_jobs.apart import screen
from physscale.records.ledger import FINAL, Entry, State
from physscale.records.spec import short
from physscale.records.store import write_atomic
from physscale.scheduling.attempt import Attempted, Job
from physscale.scheduling.resources import DRIVER_CPUS, Machine, Node, slots
from physscale.scheduling.waiting import Wait, wait_of

_LOOK_S = 2.0


@dataclass(frozen=True)
class NodeShare:
    """What one node has, what is free, and which groups hold the rest."""

    address: str
    whole: Node
    free: Node
    groups: tuple[str, ...]

    def __str__(self) -> str:
        gpus = f" and {self.free.gpus:g} of {self.whole.gpus:g} GPU" if self.whole.gpus else ""
        counted = [f"{self.groups.count(held)} x ({held})" for held in dict.fromkeys(self.groups)]
        held = f"held by groups of {', '.join(counted)}" if counted else "held by no group"
        return (
            f"node {self.address}: {self.free.cpus:g} of {self.whole.cpus:g} CPU{gpus} free, {held}"
        )


class StopMark(tune.Stopper):  # type: ignore[misc]  # Ray is untyped here
    """Tune asks it in every round whether to stop: once the file exists."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return self._mark.exists()

    def stop_all(self) -> bool:
        return self._mark.exists()


class Watchdog(StopMark):
    """It ends each trial once the job's stop mark exists, and all of them once the file `verdict`
    does, which says why."""

    def __init__(
        self, runs: Sequence[Attempted], *, job: Job, machine: Machine, verdict: Path
    ) -> None:
        super().__init__(job.stop_mark)
        self.verdict = verdict
        self._runs = runs
        self._job = job
        self._machine = machine
        self._looked_s = self._advanced_s = time.monotonic()
        self._seen = -1

    def stop_all(self) -> bool:
        """Whether the runs starve each other and must be ended.

        Raises:
            Unschedulable: if what is left of the cluster can never hold a run.
        """
        if time.monotonic() - self._looked_s > _LOOK_S:
            self._looked_s = time.monotonic()
            self._look()
        return self.verdict.exists()

    def _look(self) -> None:
        entries = self._job.ledger.entries()
        ours = {run.fingerprint: entries[run.fingerprint] for run in self._runs}
        held = {full for full, entry in ours.items() if entry.state is State.RUNNING}
        waits = {
            full: wait for full in held if (wait := wait_of(self._job.store.run(full))) is not None
        }
        seen = sum(entry.attempts + (entry.state in FINAL) for entry in ours.values())
        if seen != self._seen or len(waits) < len(held):
            self._seen, self._advanced_s = seen, time.monotonic()
        quiet_s = time.monotonic() - self._advanced_s
        if quiet_s < self._machine.patience_s:
            return
        self._advanced_s = time.monotonic()
        nodes = free_nodes()
        wants = self._machine.bundles() if self._runs[0].workers == 1 else [{"CPU": DRIVER_CPUS}]
        words = who_waits(ours, waits=waits, wants=wants, nodes=nodes)
        _say(
            [f"nothing has advanced for {quiet_s:.0f} s", *words],
            log=self._job.root / "watchdog.log",
        )
        if any(wait.driver == self._job.driver.token for wait in waits.values()):
            write_atomic(self.verdict, "; ".join(words).encode())
        elif not held:
            slots(
                self._machine, nodes=[node.whole for node in nodes], workers=self._runs[0].workers
            )


def who_waits(
    runs: Mapping[str, Entry],
    *,
    waits: Mapping[str, Wait],
    wants: Sequence[Mapping[str, float]],
    nodes: Sequence[NodeShare],
) -> list[str]:
    """Who waits for what since when, and who holds it, one line each."""
    now_s = time.time()
    lines = []
    for full, wait in waits.items():
        owner = runs[full].owner
        who = f" (process {owner.process} on {owner.host})" if owner else ""
        lines.append(
            f"run {short(full)}{who} waits for {wait.wants}, since {now_s - wait.since_s:.0f} s"
        )
    queued = [full for full, entry in runs.items() if entry.state not in FINAL | {State.RUNNING}]
    if queued:
        named = ", ".join(short(full) for full in queued[:3]) + (
            "" if len(queued) <= 3 else f" and {len(queued) - 3} more"
        )
        lines.append(f"{named} wait for a place: {_bundles(wants)} each")
    return lines + [str(node) for node in nodes]


def free_nodes() -> list[NodeShare]:
    """The living nodes, what each has left, and the placement groups that hold something there."""
    left = ray._private.state.available_resources_per_node()
    groups = [group for group in placement_group_table().values() if group["state"] == "CREATED"]
    shares = []
    for node in ray.nodes():
        if not node["Alive"]:
            continue
        name, free = node["NodeID"], left.get(node["NodeID"], {})
        holding = [
            _bundles(
                [
                    bundle
                    for number, bundle in group["bundles"].items()
                    if group["bundles_to_node_id"].get(number) == name
                ]
            )
            for group in groups
            if name in group["bundles_to_node_id"].values()
        ]
        whole = Node(node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))
        share = NodeShare(
            node["NodeManagerAddress"],
            whole,
            Node(free.get("CPU", 0.0), free.get("GPU", 0.0)),
            tuple(holding),
        )
        shares.append(share)
    return shares


def _bundles(bundles: Sequence[Mapping[str, float]]) -> str:
    """`0.5 CPU + 0.5 CPU`."""
    return " + ".join(
        " and ".join(f"{amount:g} {kind}" for kind, amount in bundle.items()) for bundle in bundles
    )


def _say(lines: Sequence[str], *, log: Path) -> None:
    text = f"{time.strftime('%F %T')} " + "\n  ".join(lines) + "\n"
    print(f"physscale: {text}", end="", file=screen(), flush=True)
    with log.open("a") as file:
        file.write(text)
