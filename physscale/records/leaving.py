"""The end of a command by a signal: what is open is closed, and the exit code names the signal."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopped", "heard", "leaving_on_signals"]


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


@contextmanager
def leaving_on_signals() -> Iterator[None]:
    """The first signal raises Stopped in the main thread; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        signal.alarm(0)  # Ray's own handler, which runs first, lets SIGTERM abort us after 3 s
        if not caught:
            caught.append(number)
            raise Stopped(number)
        if number != signal.SIGHUP:  # a terminal that ends sends more than one
            os._exit(128 + number)

    before = {number: signal.signal(number, hear) for number in heard()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
