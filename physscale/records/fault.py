"""Named moments at which a test may strike: between two writes, before a rename.

A point does nothing unless a test has armed this process. Nothing else can arm it: no variable of
the environment, no option."""

from collections.abc import Callable

__all__ = ["arm", "point"]

_strike: Callable[[str], None] | None = None


def point(name: str) -> None:
    """A moment of this name."""
    if _strike is not None:
        _strike(name)


def arm(strike: Callable[[str], None] | None) -> None:
    """From now on, `strike` is called with the name of each point that this process passes; None
    disarms. A `strike` may raise or end the process."""
    global _strike
    _strike = strike
