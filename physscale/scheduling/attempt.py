"""One attempt at one run: take its lease, keep the lease alive, execute, and record how it ended.

Every back end uses this code, in the process that trains. The lease's owner is then the process
that does the work: the lease dies with it, and the run is free again at once. A helper thread keeps
the lease alive and looks for the driver's stop mark. It ends the process when the driver is gone,
so that an orphan never writes beside its successor."""

import contextlib
import os
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from physscale.records.errors import (
    DiskFull,
    Diverged,
    LeaseHeld,
    Preempted,
    ResultsGone,
    Unschedulable,
    UserError,
    disk_full,
    no_space,
    one_line,
)
from physscale.records.leaving import clear_away
from physscale.records.ledger import STALE_S, Ledger, Owner, State
from physscale.records.scratch import abandoned, keep, own, stop_mark
from physscale.records.store import Store, write_atomic
from physscale.scheduling.arithmetic import Arithmetic
from physscale.scheduling.waiting import clear

_POLL_S = 0.25

HELD = "HELD"
"""How an attempt ends, besides the states of the ledger: another owner works on the run, or it was
already final."""


class Attempted(Protocol):
    """What scheduling needs of a run."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def workers(self) -> int: ...

    @property
    def packs_with(self) -> Hashable:
        """Equal for runs that can train as one program; None for one that must train alone."""


Execute = Callable[..., None]
"""`execute(run, store=..., context=...)`: `physscale.run.execute.execute`, or a test's."""


@dataclass(frozen=True)
class Job:
    """What every attempt of a driver shares."""

    root: Path
    driver: Owner
    execute: Execute
    sweeper: Owner | None = None
    """The process that talks to Ray for the driver."""

    threads: int = 1
    arithmetic: Arithmetic = "fast"

    @property
    def store(self) -> Store:
        return Store(self.root)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store.ledger)

    @property
    def folder(self) -> Path:
        """The driver's scratch folder, which is removed with the driver."""
        return self.root / f".driver-{self.driver.process}-{self.driver.token}"

    @property
    def stop_mark(self) -> Path:
        """While this file exists, the driver's runs save and stop."""
        return stop_mark(self.folder)

    def ask_to_stop(self) -> None:
        write_atomic(self.stop_mark, b"")

    def refuse(self, error: UserError) -> None:
        """Ends the drive: what the machine file promises is missing, or the disk is full, and no
        run could continue."""
        if isinstance(error, DiskFull):
            write_atomic(self._full, b"")  # an empty file finds a place on most full disks
        else:
            write_atomic(self._refusal, str(error).encode())
        self.ask_to_stop()

    def check_refusal(self) -> None:
        """Raises the reason why a run refused to continue: Unschedulable or DiskFull."""
        if self._refusal.exists():
            raise Unschedulable(self._refusal.read_text())
        if self._full.exists():
            raise no_space(self.root)

    @property
    def _refusal(self) -> Path:
        return self.folder / "refusal"

    @property
    def _full(self) -> Path:
        return self.folder / "full"

    def driver_is_gone(self) -> bool:
        """Whether the driver's process, or the one that talks to Ray for it, has ended. Ray itself
        watches those that cannot be seen from here."""
        return self.driver.gone() or (self.sweeper is not None and self.sweeper.gone())

    def keep(self) -> None:
        """The driver's sign of life, for drivers that cannot see its process.

        Raises:
            ResultsGone: if the study's folder is gone.
        """
        try:
            keep(self.folder)
        except FileNotFoundError as error:
            raise self.moved() from error

    def moved(self) -> ResultsGone:
        return ResultsGone(
            f"{self.root}: was moved or deleted while its runs went on; nothing more is written. "
            "The same command with --results where it is now continues"
        )


class Lease:
    """A claimed run, kept alive by a thread until `with` ends."""

    def __init__(self, run: Attempted, *, job: Job, owner: Owner) -> None:
        self._run = run
        self._job = job
        self._owner = owner
        self._stop = threading.Event()
        self._gone = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._keep, name=f"lease-{run.fingerprint[:12]}", daemon=True
        )

    def stop_requested(self) -> bool:
        """Whether the run shall save and leave.

        Raises:
            ResultsGone: if there is no folder to save in.
        """
        if self._gone.is_set():
            raise self._job.moved()
        return self._stop.is_set()

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _keep(self) -> None:
        beat_s = time.monotonic()
        while not self._closed.wait(_POLL_S):
            if self._job.driver_is_gone():
                os._exit(1)
            if self._job.stop_mark.exists():
                self._stop.set()
            if not (self._job.folder.exists() or self._job.store.ledger.exists()):
                self._gone.set()
                return
            if time.monotonic() - beat_s > STALE_S / 3:
                beat_s = time.monotonic()
                try:
                    self._job.ledger.heartbeat(self._run.fingerprint, owner=self._owner)
                except LeaseHeld:
                    self._stop.set()
                except DiskFull as error:
                    self._job.refuse(error)


def attempt(run: Attempted, *, job: Job, body: Callable[[Lease], None]) -> str:
    """Runs `body` under the run's lease. An exception of the run becomes its state and its
    `error.txt`, and does not end the study. A full disk ends it: every run would fail."""
    try:
        return _attempt(run, job=job, body=body)
    except DiskFull as error:
        job.refuse(error)
        return State.PREEMPTED.value


def _attempt(run: Attempted, *, job: Job, body: Callable[[Lease], None]) -> str:
    owner = Owner()
    if job.stop_mark.exists():
        return State.PREEMPTED.value
    if not job.ledger.claim(run.fingerprint, owner=owner):
        return HELD
    clear(job.store.run(run.fingerprint))
    begun_s = time.perf_counter()
    error_file = job.store.run(run.fingerprint).root / "error.txt"
    details: dict[str, Any] = {}
    state = State.DONE
    try:
        with Lease(run, job=job, owner=owner) as lease:
            body(lease)
        error_file.unlink(missing_ok=True)
    except Preempted:
        state = State.PREEMPTED
    except ResultsGone:
        raise
    except (Unschedulable, DiskFull) as error:
        state = State.PREEMPTED
        job.refuse(error)
    except Diverged as error:
        state, details = State.DIVERGED, {"error": one_line(error)}
    except Exception as error:  # a fault of one run is recorded and leaves the others alone
        if disk_full(error):
            state = State.PREEMPTED
            job.refuse(no_space(error_file))
        else:
            state, details = State.FAILED, {"kind": type(error).__name__, "error": one_line(error)}
            write_atomic(error_file, traceback.format_exc().encode())
    clear(job.store.run(run.fingerprint))
    try:
        job.ledger.finish(
            run.fingerprint,
            state,
            owner=owner,
            seconds=round(time.perf_counter() - begun_s, 3),
            **details,
        )
    except LeaseHeld:
        return HELD
    return state.value


@contextlib.contextmanager
def driving(job: Job) -> Iterator[Job]:
    """The driver's scratch folder exists inside; those of drivers that are gone are removed."""
    try:
        job.folder.mkdir(parents=True)
        own(job.folder)
        for folder in abandoned_drivers(job.root, now_s=job.folder.stat().st_mtime):
            shutil.rmtree(folder, ignore_errors=True)
        yield job
    finally:
        clear_away(job.folder)


def abandoned_drivers(root: Path, *, now_s: float) -> list[Path]:
    """The scratch folders of drivers that are gone, by the clock of the file system."""
    found = [*root.glob(".driver-*-*"), *root.glob(".tune-*-*")]
    return [folder for folder in found if abandoned(folder, now_s=now_s)]


def buried(run: Attempted, *, job: Job, reason: str) -> None:
    """Writes FAILED for a run whose process died without a message, unless another owner has taken
    it over."""
    owner = Owner()
    if job.ledger.claim(run.fingerprint, owner=owner):
        job.ledger.finish(
            run.fingerprint,
            State.FAILED,
            owner=owner,
            kind="WorkerDied",
            error=" ".join(reason.split())[-300:],
        )
