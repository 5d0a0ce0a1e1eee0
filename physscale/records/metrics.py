"""The history of one run: our own append-only log, since Ray Tune loses what was reported before a
resume.

A run that is killed and resumed from step s writes the steps after s again. The reader keeps the
last line of each step, so the history of an interrupted run has no gaps and no duplicates.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physscale.records.errors import DamagedData
from physscale.records.json_lines import append_line, read_lines
from physscale.records.spec import short


@dataclass(frozen=True)
class MetricLog:
    """Appends to one `metrics.jsonl`."""

    path: Path

    def append(self, *, step: int, **values: int | float | str) -> None:
        """One line: the step, the wall time and the values."""
        append_line(self.path, {"step": step, "time_s": time.time(), **values})


def read_metrics(path: Path, *, run: str | None = None) -> list[dict[str, Any]]:
    """The history, strictly increasing in `step`. If a step was written several times, the last
    counts.

    Args:
        run: the fingerprint of the run that it has to be of; None for any.

    Raises:
        DamagedData: for a line that is not what was written, has no step, or is of another run.
    """
    lines = read_lines(path)
    for number, entry in enumerate(lines, start=1):
        if not isinstance(entry.get("step"), int):
            raise DamagedData(f"{path} line {number}: no step in it; cut it out of the file")
        if run is not None and entry.get("run", short(run)) != short(run):
            raise DamagedData(f"{path} line {number}: the history of run {entry['run']}")
    by_step = {entry["step"]: entry for entry in lines}
    return [by_step[step] for step in sorted(by_step)]
