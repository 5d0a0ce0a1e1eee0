"""What a training needs from its backend (read without torch)."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from physscale.train.pack import Seat

__all__ = ["ALONE", "Context"]


@runtime_checkable
class Context(Protocol):
    """What a training needs from its backend: a plain process, a Tune trial or a worker of Ray
    Train."""

    @property
    def rank(self) -> int: ...

    @property
    def world(self) -> int: ...

    @property
    def seat(self) -> Seat | None:
        """The training's place in a pack (`train/pack.py`); None: it trains alone."""
        ...

    def stop_requested(self) -> bool:
        """Whether this process was asked to end (by a signal or a scheduler)."""


@dataclass(frozen=True)
class _Alone:
    """One process that nobody asks to stop."""

    rank: int = 0
    world: int = 1
    seat: None = None

    def stop_requested(self) -> bool:
        return False


ALONE: Context = _Alone()
