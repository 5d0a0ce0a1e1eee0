"""An append-only file of JSON lines that several processes share and a kill cannot spoil.

Each append happens under a lock, in one write, followed by fsync. A line torn by a kill is cut off
by the next append and never seen by a reader. A line begins with the CRC-32 of the rest, so that a
flipped bit is noticed; lines of older versions have none."""

import contextlib
import json
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

import filelock

from physscale.records.errors import DamagedData, UserError, cannot_write, one_line
from physscale.records.fault import point
from physscale.records.given_file import check_file
from physscale.records.json_value import parsed
from physscale.records.regular import regular


def append_line(path: Path, entry: dict[str, Any]) -> None:
    """Add one JSON object to the file, without reading what is there.

    Raises:
        UserError: if the file cannot be written.
    """
    with _locked(path) as file:
        _add(file, [entry], whole=_whole(file))


def shared_time_s(path: Path) -> float:
    """Now, by the clock of the file system that holds the file, which is the same for every
    host."""
    lock = _lock_of(path)
    lock.touch()
    return lock.stat().st_mtime


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All whole lines; none if there is no file.

    Raises:
        DamagedData: if a line that is not the last is no JSON object.
        UserError: if the file cannot be read.
    """
    if not path.exists():
        return []
    check_file(path)
    try:
        with path.open("rb") as file:
            return [line.entry for line in _whole_lines(file, path)]
    except OSError as error:  # of a disk, without the file's name
        raise UserError(f"cannot read {path}: {error.strerror}") from error


Value = TypeVar("Value")
Answer = TypeVar("Answer")


class Folded(Generic[Value]):
    """A value folded from the lines of a file. This process reads each line once, however often it
    asks.

    `add` adds one line's object to the value. A file that was replaced or rewritten is read again
    from its beginning.
    """

    def __init__(
        self,
        path: Path,
        *,
        empty: Callable[[], Value],
        add: Callable[[Value, dict[str, Any]], None],
    ) -> None:
        self._path, self._empty, self._add = path, empty, add
        self._guard = threading.RLock()
        self._forget()

    def ask(self, answer: Callable[[Value], Answer]) -> Answer:
        """Returns `answer(value)` for the file as it is now. `answer` must not return the value
        itself.

        Raises:
            DamagedData: if a line that is not the last is no JSON object.
        """
        with self._guard:
            if not self._path.exists():
                self._forget()
                return answer(self._value)
            with regular(self._path).open("rb") as file:
                self._catch_up(file)
            return answer(self._value)

    def append_after(self, decide: Callable[[Value], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Ask `decide` which lines to add to the file as it is now, and add them. No other process
        can do so at the same time.

        Returns:
            the lines that were added.

        Raises:
            UserError: if the file cannot be written.
        """
        with self._guard, _locked(self._path) as file:
            self._catch_up(file)
            added = decide(self._value)
            if added:
                _add(file, added, whole=self._read)
        return added

    def _fold(self, line: "_Line", *, number: int) -> None:
        try:
            self._add(self._value, line.entry)
        except (KeyError, ValueError, TypeError) as error:
            raise DamagedData(
                f"{self._path} line {number}: not a line of such a file ({one_line(error)})"
            ) from error

    def _forget(self) -> None:
        self._value, self._read, self._lines, self._last, self._inode = self._empty(), 0, 0, b"", -1

    def _catch_up(self, file: BinaryIO) -> None:
        stat = os.fstat(file.fileno())
        file.seek(max(0, self._read - len(self._last)))
        if (
            stat.st_ino != self._inode
            or stat.st_size < self._read
            or file.read(len(self._last)) != self._last
        ):
            self._forget()
            self._inode = stat.st_ino
        file.seek(self._read)
        try:
            for line in _whole_lines(file, self._path, before=self._lines):
                self._fold(line, number=self._lines + 1)
                self._read, self._lines, self._last = (
                    self._read + len(line.raw),
                    self._lines + 1,
                    line.raw,
                )
        except BaseException:
            self._forget()
            raise


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(_lock_of(path)), regular(path).open("a+b") as file:
            yield file
    except OSError as error:
        raise cannot_write(path, error) from error


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _add(file: BinaryIO, entries: list[dict[str, Any]], *, whole: int) -> None:
    file.truncate(whole)
    point("line begun")
    file.write(b"".join(map(_sealed, entries)))
    file.flush()
    point("line written")
    os.fsync(file.fileno())


def _whole(file: BinaryIO) -> int:
    """The size of the whole lines: everything, unless a kill tore the last line."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1


class _Line(NamedTuple):
    raw: bytes
    entry: dict[str, Any]


def _whole_lines(file: BinaryIO, path: Path, *, before: int = 0) -> Iterator[_Line]:
    """The complete lines from here on, each a JSON object. A last line without its end does not
    count yet."""
    for number, line in enumerate(file, start=before + 1):
        if not line.endswith(b"\n"):
            return
        yield _Line(line, entry_of(line, where=f"{path} line {number}"))


_SEAL = re.compile(rb'\{"check": "([0-9a-f]{8})"(?:, )?')
_TORN_SEAL = re.compile(rb'\{"[^"]{5}": "[0-9a-f]{8}"')


def _sealed(entry: dict[str, Any]) -> bytes:
    """The line of an entry, its CRC-32 first."""
    body = json.dumps(entry, sort_keys=True).encode()[1:]
    return b'{"check": "%08x"%b%b\n' % (zlib.crc32(body), b", " if entry else b"", body)


def entry_of(line: bytes, *, where: str) -> dict[str, Any]:
    """The entry that a whole line holds.

    Raises:
        DamagedData: if it is no JSON object, or not the one that was written.
    """
    seal = _SEAL.match(line)
    body = line if seal is None else b"{" + line[seal.end() :]
    try:
        entry = parsed(body)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise DamagedData(f"{where}: not a JSON object{_ADVICE}")
    if (
        int(seal[1], 16) != zlib.crc32(body[1:-1])
        if seal
        else "check" in entry or _TORN_SEAL.match(line)
    ):
        raise DamagedData(f"{where}: not what was written (CRC-32 differs){_ADVICE}")
    return entry


_ADVICE = "; move the file away or cut it before that line"
