"""The history of one run: our own append-only log, since Ray Tune loses what was reported before a
resume.

A run that is killed and resumed from step s writes the steps after s again. The reader keeps the
last line of each step, so the history of an interrupted run has no gaps and no duplicates.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physscale.records.json_lines import append_line, read_lines


@dataclass(frozen=True)
class MetricLog:
    """Appends to one `metrics.jsonl`."""

    path: Path

    def append(self, *, step: int, **values: int | float | str) -> None:
        """One line: the step, the wall time and the values."""
        append_line(self.path, {"step": step, "time_s": time.time(), **values})


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The history, strictly increasing in `step`. If a step was written several times, the last
    counts."""
    by_step = {entry["step"]: entry for entry in read_lines(path)}
    return [by_step[step] for step in sorted(by_step)]
