"""A run that waits for resources says so in its own folder: `waiting.json` holds since when, and
for what.

From outside, computing and waiting look alike: no line in the history, no line in the ledger. Only
the process itself knows that it waits. So it writes a note if a wait lasts, and removes the note
when the wait is over. The watchdog reads the notes of all runs, on whichever node they are."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from physscale.records.json_value import parsed
from physscale.records.store import RunFolder, write_atomic

_WORTH_NOTING_S = 2.0

Item = TypeVar("Item")


@dataclass(frozen=True)
class Wait:
    """One run's wait: for what, since when, and the token of the driver that started it."""

    wants: str
    driver: str
    since_s: float = field(default_factory=time.time)


def note(folder: RunFolder, wait: Wait) -> None:
    """Says that the run waits."""
    write_atomic(_path(folder), json.dumps(asdict(wait)).encode())


def clear(folder: RunFolder) -> None:
    """Says that the run no longer waits."""
    _path(folder).unlink(missing_ok=True)


def wait_of(folder: RunFolder) -> Wait | None:
    """What a run waits for, if it does."""
    try:
        return Wait(**parsed(_path(folder).read_bytes()))
    except FileNotFoundError:
        return None


def noting(items: Iterator[Item], *, folder: RunFolder, wants: str, driver: str) -> Iterator[Item]:
    """The same items. While the next one keeps the run waiting, a note says so."""
    while True:
        with _noted(folder, Wait(wants, driver)):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


@contextmanager
def _noted(folder: RunFolder, wait: Wait) -> Iterator[None]:
    noted = threading.Event()

    def fire() -> None:
        note(folder, wait)
        noted.set()

    timer = threading.Timer(_WORTH_NOTING_S, fire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if noted.is_set():
            clear(folder)


def _path(folder: RunFolder) -> Path:
    return folder.root / "waiting.json"
