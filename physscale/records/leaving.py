"""The end of a command by a signal: what is open is closed, and the exit code names the signal."""

import inspect
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = [
    "Stopped",
    "clear_away",
    "end_with",
    "handling",
    "heard",
    "leaving_on_signals",
    "shelter_inner",
    "sheltered",
    "unheard",
    "until_stopped",
]

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a command to end."""

_SOON_S = 0.1
_LOOK_S = 0.5

Function = TypeVar("Function", bound=Callable[..., object])
_sheltered: set[CodeType] = set()


class Stopped(BaseException):
    """A signal asked this command to end. What was finished is kept. It is no KeyboardInterrupt,
    which Typer turns into 130, whatever the signal.

    `lost` is called with the signal's number if somebody swallows this on its way."""

    lost: Callable[[int], None] | None = None

    def __init__(self, number: int, said: str = "") -> None:
        super().__init__(said or f"stopped by {signal.Signals(number).name}")
        self.number = number
        self.exit_code = 128 + number

    def __del__(self) -> None:
        if self.lost is not None:
            self.lost(self.number)


@contextmanager
def until_stopped() -> Iterator[None]:
    """A signal ends what is inside, as it is meant to, and the command goes on."""
    try:
        yield
    except Stopped as stopped:
        stopped.lost = None


def heard() -> list[signal.Signals]:
    """The signals that ask to end. `nohup` asks to ignore the end of the terminal."""
    asked = [signal.SIGINT, signal.SIGTERM]
    return asked + [signal.SIGHUP] * (signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN)


@contextmanager
def handling(hear: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Inside, `hear` is called with the signals that ask to end."""
    before = {number: signal.signal(number, hear) for number in heard()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unheard() -> Iterator[None]:
    """Processes that this thread starts inside hear no signal until they call `end_with`. A
    terminal sends Ctrl-C to children too, and one that is still importing would print a
    traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        resource_tracker.ensure_running()  # otherwise it dies of SIGHUP
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)  # its start lets the others through
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with(driver: int) -> None:
    """This process, a child that was started `unheard`, hears the signals that it has handlers for,
    and ends with its driver."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
    threading.Thread(target=_watch, args=(driver,), name="driver-watch", daemon=True).start()


def _watch(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(_LOOK_S)
    os._exit(1)


def sheltered(function: Function) -> Function:
    """For a function that C++ code calls, or that must not stop half-way: a signal waits until it
    has returned."""
    _sheltered.add(inspect.unwrap(function).__code__)
    return function


def shelter_inner(*functions: FunctionType) -> None:
    """The same for the functions that are defined inside these, as destructors often are."""
    for function in functions:
        inner = [code for code in function.__code__.co_consts if isinstance(code, CodeType)]
        assert inner, f"{function.__qualname__} defines no function"
        _sheltered.update(inner)


@sheltered
def clear_away(folder: Path) -> None:
    """Removes what was only for a while, whole, whatever signal comes meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)


def _must_wait(frame: FrameType | None) -> bool:
    """Whether C++ code has called what runs here, as it may during an import. An exception that
    reached it would abort the process, or leave freed memory in use."""
    while frame is not None:
        if frame.f_code in _sheltered or frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def leaving_on_signals() -> Iterator[None]:
    """The first signal raises Stopped in the main thread, as soon as neither an import nor a
    `sheltered` function is under way; a second one ends the process at once.

    Python drops what is raised in a destructor, and C code what is raised in a function that it
    calls (NumPy asks any object for attributes). Then it is raised again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    active, caught = True, list[int]()
    again: list[threading.Timer] = []

    def hear_again(number: int) -> None:
        again.append(threading.Timer(_SOON_S, os.kill, (os.getpid(), number)))
        again[-1].start()

    def lost(number: int) -> None:
        if active:
            caught.clear()
            hear_again(number)

    def stopped(number: int) -> Stopped:
        error = Stopped(number)
        error.lost = lost
        return error  # no frame of the traceback holds it, so that it ends when it is dropped

    def hear(number: int, frame: FrameType | None) -> None:
        signal.alarm(0)  # Ray's own handler, which runs first, lets SIGTERM abort us after 3 s
        if not caught and _must_wait(frame):
            hear_again(number)
        elif not caught:
            caught.append(number)
            raise stopped(number)
        elif number != signal.SIGHUP:  # a terminal that ends sends more than one
            os._exit(128 + number)

    tell = sys.unraisablehook

    def dropped(what: "UnraisableHookArgs") -> None:
        if not isinstance(what.exc_value, Stopped):
            tell(what)

    sys.unraisablehook = dropped
    with handling(hear):
        try:
            yield
        finally:
            active = False
            sys.unraisablehook = tell
            for timer in again:
                timer.cancel()
