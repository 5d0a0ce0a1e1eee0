"""A sweep as trials of Ray Tune: each trial is one run, or one pack of runs, executed inside an
actor that is reused for the next.

Starting a process that imports torch and Ray Data costs 5 to 10 s, a nested trainer 20 to 45 s; a
reused actor costs about 1 s a run. So runs of one worker train inside the trial itself, and only
runs of several workers start Ray Train below it (`train.py`). Tune schedules. The ledger
records what was run and how it ended; Tune's own files are deleted with the driver's folder."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import ray
from ray import tune
from ray.util.placement_group import get_current_placement_group

from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.data import Tasks, videos
from physscale.ray_jobs.leaving import NodeWatch, own_node
from physscale.ray_jobs.restarts import STARTS_AT_MOST, begin, forget
from physscale.ray_jobs.train import train_workers
from physscale.ray_jobs.watchdog import Watchdog
from physscale.records.errors import Unschedulable
from physscale.records.ledger import FINAL, State
from physscale.records.store import RunFolder
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.scheduling.arithmetic import prepare
from physscale.scheduling.attempt import Attempted, Job, Lease, buried
from physscale.scheduling.gpus import HIDDEN, Device
from physscale.scheduling.packs import attempts, packs
from physscale.scheduling.resources import DRIVER_CPUS, Machine, Node, slots
from physscale.scheduling.this_machine import given_cluster
from physscale.scheduling.waiting import noting
from physscale.simulate.spec import DataSpec
from physscale.train.pack import Seat

Runs = tuple[Attempted, ...]

_RESTARTS = 1000
"""How often Tune starts the trial of a process again that died (killed, out of memory), over its
life. The trial itself ends the run after `STARTS_AT_MOST` starts from one checkpoint."""


@dataclass(frozen=True)
class TrialContext:
    """The surroundings of a run inside a Tune trial."""

    lease: Lease
    node: NodeWatch
    folder: RunFolder
    tasks: Tasks
    driver: str
    device: Device
    seat: Seat | None
    rank: int = 0
    world: int = 1

    def videos(
        self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]
    ) -> Iterator[Videos]:
        stream = videos(data, canvas=canvas, batches=batches, tasks=self.tasks)
        return noting(
            stream,
            folder=self.folder,
            wants=f"{self.tasks.cpus:g} CPU for its data",
            driver=self.driver,
        )

    def stop_requested(self) -> bool:
        return self.lease.stop_requested() or self.node.leaving()


class RunTrial(tune.Trainable):  # type: ignore[misc]  # Ray is untyped here
    """One run, or one pack, per trial; the actor is reused for the next."""

    def setup(
        self, config: dict[str, Any], *, together: Sequence[Runs], job: Job, machine: Machine
    ) -> None:
        self._together = together
        self._job = job
        self._machine = machine
        self._begin(config)
        if together[0][0].workers > 1 or machine.device() == "cpu":
            os.environ.update(HIDDEN)
        prepare(threads=job.threads, arithmetic=job.arithmetic)
        self._node = NodeWatch(own_node())

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        left = self._begun()
        while left and not self._job.stop_mark.exists():
            endings = self._attempts(left)
            left = tuple(
                run for run, ending in zip(left, endings, strict=True) if ending == State.PREEMPTED
            )
            if left and self._node.leaving() and not self._job.stop_mark.exists():
                # Tune starts the trial again elsewhere; where only workers had to go, it goes on
                # from here
                for run in left:
                    forget(run, job=self._job)
                ray.actor.exit_actor()
        return {"process": os.getpid(), "done": True}

    def _begin(self, config: dict[str, Any]) -> None:
        """Count one start of each run of this trial that has not ended."""
        entries = self._job.ledger.entries()
        self._starts = {
            run.fingerprint: (run, begin(run, job=self._job))
            for run in self._together[config["position"]]
            if entries[run.fingerprint].state not in FINAL
        }

    def _begun(self) -> Runs:
        """The runs to be attempted; those that were started too often have failed."""
        reason = f"its process died {STARTS_AT_MOST} times from one checkpoint; see Ray's logs"
        for run, starts in self._starts.values():
            if starts > STARTS_AT_MOST:
                buried(run, job=self._job, reason=reason)
        return tuple(run for run, starts in self._starts.values() if starts <= STARTS_AT_MOST)

    def _attempts(self, runs: Runs) -> list[str]:
        """Together. But nobody knows which member of a pack ended their process. So before one of
        them fails for it, each is started by itself, and only the first one's start counts."""
        apart: list[Runs] = [runs]
        if any(self._starts[run.fingerprint][1] == STARTS_AT_MOST for run in runs):
            apart = [(run,) for run in runs]
            for run in runs[1:]:
                forget(run, job=self._job)
        return [
            ending
            for some in apart
            for ending in attempts(
                some, job=self._job, largest=self._machine.pack, body=self._execute
            )
        ]

    def _execute(self, run: Attempted, lease: Lease, seat: Seat | None) -> None:
        if run.workers > 1:
            train_workers(run, job=self._job, machine=self._machine)
        else:
            tasks = Tasks(self._machine.data_cpus, group=get_current_placement_group())
            folder = self._job.store.run(run.fingerprint)
            self._job.execute(
                run,
                store=self._job.store,
                context=TrialContext(
                    lease,
                    self._node,
                    folder,
                    tasks,
                    driver=self._job.driver.token,
                    device=self._machine.device(),
                    seat=seat,
                ),
            )


def sweep(runs: Sequence[Attempted], *, job: Job, machine: Machine) -> None:
    """Executes the runs, as many at a time as is safe. The ledger records how each ended.

    Raises:
        Unschedulable: before anything starts, if some run could never be placed.
    """
    if given_cluster() is None:
        machine = replace(machine, nodes=None)  # a cluster of our own has no autoscaler
    dashboard: Literal["yes", "no"] = "yes" if any(run.workers > 1 for run in runs) else "no"
    with cluster(machine, dashboard=dashboard) as nodes:
        phases = [
            [run for run in runs if run.workers == workers]
            for workers in sorted({run.workers for run in runs})
        ]
        for phase in phases:
            slots(machine, nodes=nodes, workers=phase[0].workers)
        for phase in phases:
            _phase(phase, job=job, machine=machine, nodes=nodes)


def _phase(runs: Sequence[Attempted], *, job: Job, machine: Machine, nodes: Sequence[Node]) -> None:
    """Executes runs of equal size, so that every actor can be reused for every run. If they still
    starve each other, fewer go at a time."""
    for at_a_time in range(slots(machine, nodes=nodes, workers=runs[0].workers).concurrency, 0, -1):
        starved = _tuned(runs, job=job, machine=machine, at_a_time=at_a_time)
        if starved is None:
            return
        entries = job.ledger.entries()
        runs = [run for run in runs if entries[run.fingerprint].state not in FINAL]
    raise Unschedulable(f"the runs wait for ever, even one at a time: {starved}")


def _tuned(runs: Sequence[Attempted], *, job: Job, machine: Machine, at_a_time: int) -> str | None:
    """One experiment of Tune. Returns what its runs wait for, if they were ended because they
    starve each other."""
    workers = runs[0].workers
    together = packs(runs, largest=machine.pack, places=at_a_time)
    for run in runs:
        forget(run, job=job)
    bundles = machine.bundles() if workers == 1 else [{"CPU": DRIVER_CPUS}]
    trainable = tune.with_resources(
        tune.with_parameters(RunTrial, together=together, job=job, machine=machine),
        tune.PlacementGroupFactory(bundles),
    )
    name = f"{len(runs)}-runs-of-{workers}-by-{at_a_time}"
    watchdog = Watchdog(runs, job=job, machine=machine, verdict=job.folder / f"starved-{name}")
    tuner = tune.Tuner(
        trainable,
        param_space={"position": tune.grid_search(list(range(len(together))))},
        tune_config=tune.TuneConfig(
            reuse_actors=True,
            max_concurrent_trials=at_a_time,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(job.folder / "tune"),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(
                checkpoint_at_end=False, checkpoint_frequency=0
            ),
            failure_config=tune.FailureConfig(max_failures=_RESTARTS),
            stop=watchdog,
        ),
    )
    results = tuner.fit()
    if watchdog.verdict.exists():
        return watchdog.verdict.read_text()
    for result in results:
        if result.error:
            for run in together[result.config["position"]]:
                buried(run, job=job, reason=str(result.error))
    return None


def _name(trial: Any) -> str:  # noqa: ANN401 - Tune's trial
    return f"trial-{trial.trial_id}"
