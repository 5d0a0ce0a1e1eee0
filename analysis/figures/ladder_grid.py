"""All splits of one ladder side by side: one row per metric, one column per split. Verdict, change
and exponent stand above each panel."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from analysis.design.ladders import AXIS_WORDS, Ladder
from analysis.figures.curves import draw_panel, heads, limits, panels
from analysis.figures.marks import ladder_marks, level_marks, range_words, verdict_note
from analysis.figures.style import WIDTH_IN, Layout, new_figure, split_words, styled
from analysis.figures.tidy import Mark, Words, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(ladders: Sequence[Ladder]) -> pa.Table:
    """Marks of one panel per ladder, in the given order: all splits of the first metric, then all
    of the next."""
    marks: list[Mark] = []
    for panel, ladder in enumerate(ladders):
        words = Words(
            panel=panel,
            title=split_words(ladder.split),
            note=verdict_note(ladder)
            .removeprefix(f"{split_words(ladder.split)}: ")
            .replace(f" over {range_words(ladder)}", ""),
            x_axis=f"{AXIS_WORDS[ladder.axis]} ({ladder.axis})",
            y_axis=ladder.metric.label,
        )
        marks += ladder_marks(ladder, words=words, series=split_words(ladder.split)) + level_marks(
            ladder, words=words
        )
    return tidy(marks)


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """Panels of one metric share their y axis. A column stacks them for narrow screens."""
    parts = panels(drawn)
    metrics = list(dict.fromkeys(rows[0]["y_axis"] for rows in parts))
    wide = max(sum(rows[0]["y_axis"] == metric for rows in parts) for metric in metrics)
    with styled():
        lines, across, height = (
            (len(metrics), wide, 2.3) if layout == "row" else (len(parts), 1, 2.5)
        )
        figure = new_figure(
            width_in=WIDTH_IN[layout] if layout == "column" else min(WIDTH_IN["row"], 2.4 * wide),
            height_in=height * lines,
        )
        grid = figure.subplots(lines, across, squeeze=False)
        for axes in grid.flat:
            axes.set_visible(False)
        for row, metric in enumerate(metrics):
            same = [rows for rows in parts if rows[0]["y_axis"] == metric]
            shared = limits([mark for rows in same for mark in rows])
            placed = [
                grid[row, column] if layout == "row" else grid[parts.index(rows), 0]
                for column, rows in enumerate(same)
            ]
            for column, (axes, rows) in enumerate(zip(placed, same, strict=True)):
                axes.set_visible(True)
                draw_panel(axes, rows, y_limits=shared)
                if layout == "column" or column == 0:
                    axes.set_ylabel(metric)
            heads(placed, same, across=across)
    return figure
