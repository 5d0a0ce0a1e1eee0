"""One worker against several: the training curves of runs that differ in nothing else, and their
difference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analysis.data.study import StudyRun
from analysis.figures.style import (
    BLUE,
    ORANGE,
    SOFT,
    WIDTH_IN,
    Layout,
    few_ticks,
    new_figure,
    styled,
)
from analysis.figures.tidy import columns, schema_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = schema_of(counts=("workers", "step"), numbers=("loss", "relative_difference"))


def table(runs: Sequence[StudyRun]) -> pa.Table:
    """Training loss of each run by step, and its relative difference from the first run at the same
    step."""
    histories = [
        {int(row["step"]): float(row["loss"]) for row in run.metrics() if "loss" in row}
        for run in runs
    ]
    rows = []
    for run, history in zip(runs, histories, strict=True):
        for step, loss in history.items():
            first = histories[0].get(step)
            away = None if not first else abs(loss / first - 1)
            row = {"workers": run.workers, "step": step, "loss": loss, "relative_difference": away}
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def differences(drawn: pa.Table) -> tuple[int, float, float]:
    """The first logged step, the relative difference there, and the largest difference at any
    step."""
    rows = [
        row
        for row in drawn.to_pylist()
        if row["workers"] > 1 and row["relative_difference"] is not None
    ]
    first = min(rows, key=lambda row: row["step"])
    return (
        first["step"],
        first["relative_difference"],
        max(row["relative_difference"] for row in rows),
    )


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """The curves in one panel, their difference below."""
    rows = drawn.to_pylist()
    workers = list(dict.fromkeys(row["workers"] for row in rows))
    with styled():
        figure = new_figure(width_in=4.8 if layout == "row" else WIDTH_IN["column"], height_in=3.1)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
        looks = (
            {"color": BLUE, "linewidth": 3.6, "alpha": 0.45},
            {"color": ORANGE, "linewidth": 1.2},
        )
        for position, count in enumerate(workers):
            part = [row for row in rows if row["workers"] == count]
            name = f"{count} worker{'s' if count > 1 else ''}"
            top.plot(*columns(part, "step", "loss"), label=name, **looks[min(position, 1)])
            if position:
                size = np.maximum([row["relative_difference"] or 0.0 for row in part], 1e-9)
                bottom.plot([row["step"] for row in part], size, color=ORANGE, linewidth=1.2)
        top.set_yscale("log")
        few_ticks(top.yaxis)
        top.legend(loc="upper right")
        top.set_ylabel("training loss")
        top.set_title("The same run on one worker and on several", loc="left", fontweight="bold")
        bottom.set_yscale("log")
        few_ticks(bottom.yaxis)
        bottom.set_ylabel("difference", color=SOFT)
        bottom.set_xlabel("training step")
    return figure
