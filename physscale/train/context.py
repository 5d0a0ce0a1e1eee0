"""What a training needs from its backend (read without torch)."""

from typing import Protocol, runtime_checkable

__all__ = ["Context"]


@runtime_checkable
class Context(Protocol):
    """What a training needs from its backend: a plain process, a Tune trial or a worker of Ray
    Train."""

    @property
    def rank(self) -> int: ...

    @property
    def world(self) -> int: ...

    def stop_requested(self) -> bool:
        """Whether this process was asked to end (by a signal or a scheduler)."""
