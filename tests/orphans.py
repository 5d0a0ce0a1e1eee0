"""What a command leaves behind: its processes that outlive it come to the one that asked."""

import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_SET_CHILD_SUBREAPER = 36
_LOOK_S = 0.05


def children() -> dict[int, str]:
    """The living children of this process, and how they were called."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ").strip()
    return found


@contextlib.contextmanager
def orphans() -> Iterator[Callable[[float], dict[int, str]]]:
    """Inside, processes that lose their parents become children of this one. Yields a function
    that says which are left after so many seconds; they are ended with the block."""
    before = children()
    adopt = ctypes.CDLL(None, use_errno=True).prctl
    assert adopt(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0

    def left(patience_s: float) -> dict[int, str]:
        deadline_s = time.monotonic() + patience_s
        while True:
            found = {number: name for number, name in children().items() if number not in before}
            if not found or time.monotonic() > deadline_s:
                return found
            time.sleep(_LOOK_S)

    try:
        yield left
    finally:
        for number in left(0):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, 9)
        adopt(_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
