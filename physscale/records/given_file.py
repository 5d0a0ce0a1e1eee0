"""A small file that a person names on the command line."""

from pathlib import Path

from physscale.records.errors import UserError

__all__ = ["read_given"]


def read_given(path: Path, *, what: str, remedy: str = "", at_most: int = 10_000_000) -> bytes:
    """All its bytes. A pipe will do; of an endless one, no more than `at_most` are read.

    Args:
        remedy: what a message about a file that cannot be read ends with.

    Raises:
        UserError: if it cannot be read or is larger, beginning with `what` it is.
    """
    advice = f"; {remedy}" if remedy else ""
    try:
        with path.open("rb") as file:
            given = file.read(at_most + 1)
    except OSError as error:
        raise UserError(f"{what} {path}: {error.strerror}{advice}") from error
    if len(given) > at_most:
        raise UserError(f"{what} {path}: larger than {at_most:,} bytes")
    return given
