"""The end of a command by a signal: what is open is closed, and the exit code names the signal."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopped", "heard", "leaving_on_signals"]

_SOON_S = 0.1


class Stopped(BaseException):
    """A signal asked this command to end. What was finished is kept. It is no KeyboardInterrupt,
    which Typer turns into 130, whatever the signal."""

    def __init__(self, number: int, said: str = "") -> None:
        super().__init__(said or f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def heard() -> list[signal.Signals]:
    """The signals that ask to end. `nohup` asks to ignore the end of the terminal."""
    asked = [signal.SIGINT, signal.SIGTERM]
    return asked + [signal.SIGHUP] * (signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN)


def _within_import(frame: FrameType | None) -> bool:
    """Whether a module is being imported. An exception there may reach C++ code, which aborts."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def leaving_on_signals() -> Iterator[None]:
    """The first signal raises Stopped in the main thread, as soon as no import is under way; a
    second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    again: list[threading.Timer] = []

    def hear(number: int, frame: FrameType | None) -> None:
        signal.alarm(0)  # Ray's own handler, which runs first, lets SIGTERM abort us after 3 s
        if not caught and _within_import(frame):
            again.append(threading.Timer(_SOON_S, os.kill, (os.getpid(), number)))
            again[-1].start()
        elif not caught:
            caught.append(number)
            raise Stopped(number)
        elif number != signal.SIGHUP:  # a terminal that ends sends more than one
            os._exit(128 + number)

    before = {number: signal.signal(number, hear) for number in heard()}
    try:
        yield
    finally:
        for timer in again:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
