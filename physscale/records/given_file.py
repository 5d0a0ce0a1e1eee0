"""A file that a person names on the command line."""

from pathlib import Path

from physscale.records.errors import UserError
from physscale.records.regular import special

__all__ = ["check_file", "read_given"]


def check_file(path: Path, *, what: str = "") -> None:
    """Refuses what a reader would wait for, or read for ever. Folders, and places where nothing is,
    are the reader's to refuse.

    Raises:
        UserError: for a pipe, a socket or a device.
    """
    if kind := special(path):
        raise UserError(f"{f'{what} ' * bool(what)}{path}: {kind}; give a file")


def read_given(path: Path, *, what: str, remedy: str = "", at_most: int = 10_000_000) -> bytes:
    """All its bytes.

    Args:
        remedy: what a message about a file that cannot be read ends with.

    Raises:
        UserError: if it cannot be read or is larger, beginning with `what` it is.
    """
    check_file(path, what=what)
    advice = f"; {remedy}" if remedy else ""
    try:
        with path.open("rb") as file:
            given = file.read(at_most + 1)
    except OSError as error:
        raise UserError(f"{what} {path}: {error.strerror}{advice}") from error
    if len(given) > at_most:
        raise UserError(f"{what} {path}: larger than {at_most:,} bytes")
    return given
