"""What can go wrong for a user, one class per exit code. A message is one line that names the key,
the value and what to do.

`Diverged` and `Preempted` end a training early without a bug in the code."""

import errno
import os
from pathlib import Path


class UserError(Exception):
    """A wrong key, value, name or folder: nothing was started, nothing half-written."""

    exit_code = 2


class LeaseHeld(UserError):
    """Another living process works on the same run or study."""

    exit_code = 3


class Unschedulable(UserError):
    """The cluster can never provide what was asked for; the message gives the arithmetic."""

    exit_code = 4


class DamagedData(UserError):
    """A file is torn, altered or of a foreign format; no value of it was used."""

    exit_code = 5


class DiskFull(UserError):
    """There is no space left for what has to be written; what was whole before is whole still."""

    exit_code = 1


class ResultsGone(UserError):
    """The study's folder was moved or deleted while it was worked on; nothing more is written."""

    exit_code = 1


class ClusterLost(UserError):
    """Ray's processes died, or its head has been silent for too long."""

    exit_code = 6


_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))


def cannot_write(path: object, error: Exception) -> UserError:
    """The refusal for a file that the system would not write."""
    if disk_full(error):
        return no_space(path)
    why = error.strerror if isinstance(error, OSError) else one_line(error)
    return UserError(f"cannot write {path}: {why}; choose another place, or make this one writable")


def disk_full(error: BaseException) -> bool:
    """Whether something could not be written for want of space. Libraries pass on the system's
    words, and not all of them its number."""
    return any(words in str(error) for words in _FULL)


def no_space(path: object) -> DiskFull:
    """The error for a file that found no space; it names the disk."""
    disk = Path(str(path)).absolute()
    while not os.path.ismount(disk):
        disk = disk.parent
    return DiskFull(
        f"cannot write {path}: {_FULL[0]}, the disk at {disk}; make room there, and the same "
        "command continues"
    )


def one_line(error: BaseException) -> str:
    """The message on one line, at most 300 characters of it."""
    return printable(" ".join(str(error).split()))[:300]


def printable(text: str) -> str:
    """The text with escapes for what a terminal would obey or could not show: a name in a message
    may be anybody's."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


class Diverged(Exception):
    """The loss or the gradient is no longer finite; the step was not taken."""


class Preempted(Exception):
    """Someone asked to stop. A checkpoint is written, and the same call continues from it."""
