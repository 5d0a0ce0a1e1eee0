"""Folders that a process fills while it lives. Others remove them once it is gone."""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from physscale.records.json_value import parsed
from physscale.records.leaving import clear_away
from physscale.records.process import Process
from physscale.records.store import write_atomic

_OWNER = "owner.json"
_ABANDONED_S = 24 * 3600.0
"""A folder of a process that cannot be seen from here is given up after so long without a sign of
life."""


@contextlib.contextmanager
def scratch_folder(root: Path, *, name: str) -> Iterator[Path]:
    """A folder `.NAME-...` of this process, which exists inside."""
    folder = root / f".{name}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    try:
        folder.mkdir(parents=True)
        own(folder)
        yield folder
    finally:
        clear_away(folder)


def stop_mark(folder: Path) -> Path:
    """While this file exists, whatever works for the folder's owner saves and stops."""
    return folder / "stop"


def own(folder: Path) -> None:
    """Writes into a folder whose it is: this process's."""
    write_atomic(folder / _OWNER, json.dumps(asdict(Process())).encode())


def keep(folder: Path) -> None:
    """A sign of life, for those who cannot see this process."""
    os.utime(folder / _OWNER)


def abandoned(folder: Path, *, now_s: float | None) -> bool:
    """Whether its process is gone, or silent for a day. `now_s`: by the clock of the file system;
    None where signs of life are not given."""
    owner = folder / _OWNER
    try:
        known = owner.exists()  # its process was killed before it could write this, or is another's
        gone = known and Process(**parsed(owner.read_bytes())).gone()
        seen_s = (owner if known else folder).stat().st_mtime
    except OSError:  # of another user, or removed meanwhile
        return False
    return gone or (now_s is not None and now_s - seen_s > _ABANDONED_S)
