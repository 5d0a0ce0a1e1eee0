"""Ctrl-C and SIGTERM as a request to stop."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stop_signals"]


@contextmanager
def stop_signals(asked: Callable[[], None]) -> Iterator[list[int]]:
    """The first Ctrl-C or SIGTERM calls `asked`; the second ends this process at once. Yields the
    signals caught."""
    caught: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:
            os._exit(128 + number)
        signal.alarm(0)  # Ray's own handler, which runs first, lets SIGTERM abort us after 3 s
        asked()

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
