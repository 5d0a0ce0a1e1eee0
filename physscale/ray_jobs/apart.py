"""Ray's side of a driver, in a process of its own.

Where the node manager of its machine dies, Ray ends the process that talks to it without an
exception, or leaves it waiting for ever. The driver must outlive that: it draws, hears signals and
starts Ray again. So only a child of it talks to Ray. What Ray prints goes to a file, and what we
say goes to the screen."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TextIO, TypeVar

from physscale.records.errors import (
    ClusterLost,
    Preempted,
    UserError,
    disk_full,
    no_space,
    one_line,
)
from physscale.records.leaving import ASKING, Stopped, end_with, unheard
from physscale.records.scratch import scratch_folder, stop_mark
from physscale.scheduling.signals import stop_signals

__all__ = ["LOSSES", "apart", "say_lost", "screen", "stop_if", "stoppable"]

LOSSES = 3
"""How often a Ray that died is started again before anything has ended."""

Answer = TypeVar("Answer")
_screen: TextIO | None = None


def screen() -> TextIO:
    """Where this process says something to people."""
    return _screen or sys.stderr


def apart(work: Callable[[], Answer], *, log: Path) -> Answer:
    """`work()` in a process of its own, which may start or join Ray. A Ray that is up in this
    process (a test session's) is used here.

    Raises:
        UserError: as `work` does.
        DiskFull: where it could not write for want of space.
        ClusterLost: where the process or its cluster died, or Ray failed; `log` says more.
    """
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        return work()
    with _file(log):
        with unheard():
            pool = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_begin, initargs=(log, os.getpid())
            )
            answer: Future[Answer] = pool.submit(_told, work, log)
        with pool:
            try:
                return answer.result()
            except BrokenProcessPool as error:
                raise ClusterLost("its process ended") from error


def stoppable(work: Callable[[Path], Answer], *, root: Path) -> Answer:
    """`work(mark)` apart; it ends soon once the file `mark` exists, which a signal makes.

    Raises:
        Stopped: after a signal.
        UserError: as `apart` does.
    """
    with (
        scratch_folder(root.absolute(), name="job") as scratch,
        stop_signals(stop_mark(scratch).touch) as caught,
    ):
        try:
            answer = apart(partial(work, stop_mark(scratch)), log=root.absolute() / "ray.log")
        except (Preempted, ClusterLost) as error:
            if caught:
                raise Stopped(caught[0], str(error)) from None
            raise
        if caught:
            raise Stopped(caught[0])
    return answer


def stop_if(mark: Path) -> None:
    """Raises Preempted where the mark exists."""
    if mark.exists():
        raise Preempted("stopped; run again to go on")


def say_lost(lost: ClusterLost, *, losses: int, log: Path, unchanged: str, then: str) -> None:
    """Says that Ray is started again.

    Args:
        losses: how often it has died while `unchanged` held.
        then: what happens once it is up.

    Raises:
        ClusterLost: if it has died too often.
    """
    if losses > LOSSES:
        raise ClusterLost(
            f"Ray has died {losses} times and {unchanged} meanwhile: {lost}; see {log}. The same "
            "command continues"
        ) from lost
    print(
        f"physscale: Ray has died ({lost}; see {log}); it is started again, and {then} "
        f"({losses} of {LOSSES})",
        file=sys.stderr,
        flush=True,
    )


@contextlib.contextmanager
def _file(log: Path) -> Iterator[None]:
    """The file exists inside, and afterwards if anything was written."""
    log.touch()
    try:
        yield
    finally:
        if not log.stat().st_size:
            log.unlink()


def _begin(log: Path, driver: int) -> None:
    """In the new process: the streams lead to the file, and it ends with its driver."""
    global _screen
    with contextlib.suppress(OSError):  # it leads a session of its own already
        os.setsid()  # Ctrl-C is for the driver
    for number in ASKING:
        signal.signal(number, _leave_to_the_driver)
    _screen = os.fdopen(os.dup(2), "w", buffering=1)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    end_with(driver)


def _leave_to_the_driver(*_: object) -> None:
    signal.alarm(0)  # Ray's own handler, which runs first, lets SIGTERM abort us after 3 s


def _told(work: Callable[[], Answer], log: Path) -> Answer:
    """What `work` returns. It goes on in a thread, so that this one can hear signals."""
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="ray") as pool:
            return pool.submit(work).result()
    except (UserError, Preempted):
        raise
    except Exception as error:
        if disk_full(error):
            raise no_space(getattr(error, "filename", None) or log) from None
        traceback.print_exc()
        raise ClusterLost(f"{type(error).__name__}: {one_line(error)}") from None
