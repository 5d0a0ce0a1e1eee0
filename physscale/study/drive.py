"""Executes the missing runs of a study. The ledger says which are missing, a back end executes
them, and files record their progress.

Several drivers may work on one study: whoever takes a run's lease first executes it. A driver may
be killed at any moment. Started again, it finds the finished runs finished and the checkpoints of
the others in place."""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from physscale.ray_jobs.apart import apart, say_lost
from physscale.records.errors import ClusterLost, LeaseHeld
from physscale.records.ledger import FINAL, Ledger, Owner, State
from physscale.records.store import Store
from physscale.run.spec import RunSpec
from physscale.scheduling.attempt import Execute, Job, driving
from physscale.scheduling.gpus import checked
from physscale.scheduling.resources import Machine, slots
from physscale.scheduling.signals import stop_signals
from physscale.scheduling.this_machine import given_cluster, local_nodes
from physscale.study.plain import run_plain
from physscale.study.plan import Row, plan
from physscale.study.progress import progress
from physscale.study.spec import Study
from physscale.tracking.launch import following

if TYPE_CHECKING:
    from physscale.run.context import Context

Backend = Literal["ray", "plain"]

_ORPHANS_END_S = 6.0
"""How long the workers of a killed driver may take to notice that it is gone."""

_ROUNDS = 3

_LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a drive ended: the plan as it stands now, and the signal that ended it early, if one
    did."""

    rows: list[Row]
    signal: int | None

    @property
    def exit_code(self) -> int:
        if self.signal is not None:
            return 128 + self.signal
        left = {row.state for row in self.rows} - FINAL
        if left == {State.RUNNING}:
            return LeaseHeld.exit_code
        return 1 if left else 0


def run_study(
    study: Study,
    *,
    rows: Sequence[Row],
    store: Store,
    backend: Backend,
    machine: Machine,
    console: Console,
) -> Ending:
    """Runs the study with a live table and the W&B follower.

    Raises:
        UserError, Unschedulable: as `drive` does, before anything was started.
    """
    beside = min(at_a_time(rows, machine=machine, backend=backend).values(), default=1)
    with following(store), progress(rows, store=store, at_a_time=beside, console=console) as watch:
        return drive(
            study,
            store=store,
            backend=backend,
            machine=machine,
            execute=execute_late,
            watch=watch,
        )


def execute_late(run: RunSpec, *, store: Store, context: "Context") -> None:
    """`run.execute.execute`. A driver that runs nothing itself never loads torch."""
    from physscale.run.execute import execute

    execute(run, store=store, context=context)


Watch = Callable[[], None]
"""Called every half second while the runs go on."""


def drive(
    study: Study,
    *,
    store: Store,
    backend: Backend,
    machine: Machine,
    execute: Execute,
    watch: Watch,
) -> Ending:
    """Executes every run of the study that is not in a final state.

    Raises:
        UserError: when the results folder cannot be written; nothing was started.
        Unschedulable: when a run could never be placed, or a GPU that it was promised cannot be
            used where it was placed.
    """
    job = Job(
        root=store.root.absolute(),
        driver=Owner(),
        execute=execute,
        threads=machine.threads,
        arithmetic=machine.arithmetic,
    )
    _prepare(study, store=store, machine=machine)
    with driving(job), stop_signals(partial(_stop, job)) as caught:
        done: set[str] = set()
        rounds, losses, ended = 0, 0, -1
        while rounds < _ROUNDS:
            todo = [
                row
                for row in _free(study, store=store, machine=machine, caught=caught)
                if row.fingerprint not in done
            ]
            if not todo or caught:
                break
            runs = [study.runs[row.fingerprint] for row in sorted(todo, key=_begun_then_longest)]
            work = partial(_execute, runs, job=job, backend=backend, machine=machine)
            try:
                _in_background(work, watch=watch, job=job)
            except ClusterLost as lost:
                if caught:
                    break
                before, ended = ended, _ended(store)
                losses = losses + 1 if ended == before else 1
                say_lost(
                    lost,
                    losses=losses,
                    log=_ray_log(job),
                    unchanged="no run ended",
                    then="the runs go on from their checkpoints",
                )
            else:
                rounds += 1
            job.check_refusal()
            done |= {
                row.fingerprint
                for row in plan(study, store=store, flops_per_s=machine.flops_per_s)
                if row.state == State.FAILED
            }
    return Ending(
        rows=plan(study, store=store, flops_per_s=machine.flops_per_s),
        signal=caught[0] if caught else None,
    )


def _begun_then_longest(row: Row) -> tuple[bool, float]:
    """What was begun is ended first; then the longest begins."""
    return row.attempts == 0, -row.estimated_s


def check_schedulable(rows: Sequence[Row], *, machine: Machine, backend: Backend) -> list[str]:
    """In words, how runs of each number of workers fit on this machine. A given cluster is checked
    when it is joined.

    Raises:
        Unschedulable: with the numbers.
    """
    if backend == "plain" or given_cluster():
        return []
    return [
        slots(machine, nodes=local_nodes(machine), workers=workers).arithmetic
        for workers in sorted({row.workers for row in rows})
    ]


def at_a_time(rows: Sequence[Row], *, machine: Machine, backend: Backend) -> dict[int, int]:
    """How many runs go in parallel, by their number of workers; one where only the cluster could
    tell."""
    sizes = sorted({row.workers for row in rows})
    if backend == "plain" or given_cluster():
        return dict.fromkeys(sizes, 1)
    return {
        workers: slots(machine, nodes=local_nodes(machine), workers=workers).concurrency
        for workers in sizes
    }


def _prepare(study: Study, *, store: Store, machine: Machine) -> None:
    """Enters the runs in the ledger. A run marked as done whose files are missing is opened
    again."""
    rows = plan(study, store=store, flops_per_s=machine.flops_per_s)
    ledger = Ledger(store.ledger)
    ledger.plan([row.fingerprint for row in rows])
    entries = ledger.entries()
    for row in rows:
        if row.state == State.PLANNED and entries[row.fingerprint].state is State.DONE:
            ledger.reopen(row.fingerprint)


def _free(study: Study, *, store: Store, machine: Machine, caught: list[int]) -> list[Row]:
    """The runs that no driver holds. If all that are left are held, waits a moment: the holders may
    be orphans of a killed driver."""
    deadline_s = time.monotonic() + _ORPHANS_END_S
    while True:
        missing = [
            row
            for row in plan(study, store=store, flops_per_s=machine.flops_per_s)
            if row.state not in FINAL
        ]
        free = [row for row in missing if row.state != State.RUNNING]
        if free or not missing or caught or time.monotonic() > deadline_s:
            return free
        time.sleep(0.2)


def _execute(runs: Sequence[RunSpec], *, job: Job, backend: Backend, machine: Machine) -> None:
    if backend == "plain":
        run_plain(runs, job=job, device=checked(machine.device()), pack=machine.pack)
        return
    apart(partial(_sweep, runs, job=job, machine=machine), log=_ray_log(job))


def _sweep(runs: Sequence[RunSpec], *, job: Job, machine: Machine) -> None:
    """In the process that talks to Ray. The processes of the runs end with it."""
    from physscale.ray_jobs.tune import sweep  # starts in seconds

    sweep(runs, job=replace(job, sweeper=Owner()), machine=machine)


def _ray_log(job: Job) -> Path:
    return job.root / "ray.log"


def _ended(store: Store) -> int:
    """How many runs have ended."""
    return sum(entry.state in FINAL for entry in Ledger(store.ledger).entries().values())


def _in_background(work: Callable[[], None], *, watch: Watch, job: Job) -> None:
    """Does the work in a thread, so that this one can draw, receive signals and give signs of
    life."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sweep") as pool:
        future: Future[None] = pool.submit(work)
        while not future.done():
            job.keep()
            watch()
            wait([future], timeout=_LOOK_S)
        watch()
        future.result()


def _stop(job: Job) -> None:
    """Ask the runs to save and stop."""
    job.ask_to_stop()
    print(
        "stopping: the runs save a checkpoint and leave; once more to end at once",
        file=sys.stderr,
        flush=True,
    )
