"""An append-only file of JSON lines that several processes share and a kill cannot spoil.

Each append happens under a lock, in one write, followed by fsync. A line torn by a kill is cut off by the next append and never seen by a
reader.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import filelock

from physscale.records.errors import DamagedData, UserError


def append_line(path: Path, entry: dict[str, Any]) -> None:
    """Adds one JSON object to the file; what stands there already is not read.

    Raises:
        UserError: if the file cannot be written.
    """
    with _locked(path) as file:
        _add(file, [entry], whole=_whole(file))


def append_after(path: Path, decide: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Reads all lines, asks `decide` which to add, and adds them, while no other process can do the same.

    Returns:
        the lines that were added.

    Raises:
        UserError: if the file cannot be written.
    """
    with _locked(path) as file:
        entries, whole = _parse(file, path)
        added = decide(entries)
        if added:
            _add(file, added, whole=whole)
    return added


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All whole lines; none if there is no file.

    Raises:
        DamagedData: if a line that is not the last is no JSON object.
    """
    if not path.exists():
        return []
    with path.open("rb") as file:
        return _parse(file, path)[0]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_name(f".{path.name}.lock")), path.open("a+b") as file:
            yield file
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another place with --results, or make this one writable") from error


def _add(file: BinaryIO, entries: list[dict[str, Any]], *, whole: int) -> None:
    file.truncate(whole)
    file.write(b"".join(json.dumps(entry, sort_keys=True).encode() + b"\n" for entry in entries))
    file.flush()
    os.fsync(file.fileno())


def _whole(file: BinaryIO) -> int:
    """The size of the part that holds whole lines: all of it, unless a kill tore the last one."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def _parse(file: BinaryIO, path: Path) -> tuple[list[dict[str, Any]], int]:
    """The entries, and the size of the part that holds whole lines."""
    file.seek(0)
    entries: list[dict[str, Any]] = []
    whole = 0
    for number, line in enumerate(file, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            raise DamagedData(f"{path} line {number}: not a JSON object; move the file away or cut it before that line")
        entries.append(entry)
        whole += len(line)
    return entries, whole
