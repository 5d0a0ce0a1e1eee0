"""The protocol of a tracker: it opens a session for each run on display."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from physscale.records.store import RunFolder

__all__ = ["Session", "ShownRun", "Tracker"]


class Session(Protocol):
    """One run on display."""

    @property
    def first_step(self) -> int:
        """The first step that is not on display yet."""
        ...

    def log(self, values: Mapping[str, float | str], *, step: int) -> None: ...

    def finish(self, summary: Mapping[str, float], *, videos: Mapping[str, Path]) -> str:
        """Logs the summary and the videos; returns where the run is now, `online` or `offline`."""
        ...

    def leave(self) -> None:
        """Closes the session of a run that stopped early; another session will continue it."""
        ...


class Tracker(Protocol):
    """A place where runs are shown."""

    @property
    def name(self) -> str: ...

    def open(self, run: "ShownRun") -> Session: ...


@dataclass(frozen=True)
class ShownRun:
    """A run as a tracker sees it."""

    fingerprint: str
    study: str
    label: str
    group: str
    config: dict[str, Any]
    folder: RunFolder
    root: Path
