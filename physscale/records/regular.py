"""Files that end. A pipe without a writer is waited for as it is opened, and a device such as
/dev/zero is read until memory ends."""

import errno
import stat
from pathlib import Path

__all__ = ["regular", "special"]

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def special(path: Path) -> str:
    """What lies there, in words, if it is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "")


def regular(path: Path) -> Path:
    """The path itself, to be opened.

    Raises:
        OSError: for what is neither a file nor a folder, as for what the system cannot open.
    """
    if what := special(path):
        raise OSError(errno.EINVAL, f"{what}, not a file", str(path))
    return path
