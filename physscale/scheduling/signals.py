"""Ctrl-C, SIGTERM and the end of a terminal (SIGHUP) as a request to stop."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from physscale.records.leaving import handling

__all__ = ["stop_signals"]


@contextmanager
def stop_signals(asked: Callable[[], None]) -> Iterator[list[int]]:
    """The first signal calls `asked`; the second ends this process at once. Yields the signals
    caught. A terminal that ends sends more than one SIGHUP: they count once."""
    caught: list[int] = []
    terminals = [number for number in (0, 1, 2) if os.isatty(number)]

    def hear(number: int, _frame: FrameType | None) -> None:
        if caught and number != signal.SIGHUP:
            os._exit(128 + number)
        caught.append(number)
        signal.alarm(0)  # Ray's own handler, which runs first, lets SIGTERM abort us after 3 s
        if number == signal.SIGHUP:
            _leave(terminals)
        if len(caught) == 1:
            asked()

    with handling(hear):
        yield caught


def _leave(terminals: list[int]) -> None:
    """What is still printed to a terminal that is gone goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in terminals:
        os.dup2(nowhere, number)
