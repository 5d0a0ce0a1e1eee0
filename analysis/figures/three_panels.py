"""The main figure: ID | OOD | combinatorial side by side, with the verdict in each title."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analysis.design.ladders import AXIS_WORDS, Ladder
from analysis.figures.curves import draw_panel, heads, limits, panels
from analysis.figures.level_lines import apart, heights_of
from analysis.figures.marks import ladder_marks, level_marks, verdict_note
from analysis.figures.style import OTHERS, Layout, panels_of, split_words, styled
from analysis.figures.tidy import Mark, Words, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KIND_WORDS = {
    "id": "In distribution",
    "ood": "Out of distribution",
    "combinatorial": "New combinations",
}


def table(leading: Sequence[Ladder], *, beside: Sequence[Ladder] = ()) -> pa.Table:
    """Marks of one leading ladder per panel. `beside` are other splits of the same kind, drawn as
    thin lines without a band."""
    marks: list[Mark] = []
    for panel, ladder in enumerate(leading):
        words = Words(
            panel=panel,
            title=KIND_WORDS.get(ladder.kind, ladder.kind),
            note=verdict_note(ladder),
            x_axis=f"{AXIS_WORDS[ladder.axis]} ({ladder.axis})",
            y_axis=ladder.metric.label,
        )
        marks += ladder_marks(ladder, words=words, series=split_words(ladder.split))
        same = [
            other
            for other in beside
            if (other.kind, other.axis, other.metric) == (ladder.kind, ladder.axis, ladder.metric)
        ]
        for colour, other in zip(OTHERS * 3, same, strict=False):
            more = ladder_marks(other, words=words, series=split_words(other.split), colour=colour)
            marks += [mark for mark in more if mark.role in {"law", "mean"}]
        marks += level_marks(ladder, words=words)
    return tidy(marks)


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """Panels in a row, or one below the other for narrow screens. Panels with the same metric share
    their y axis."""
    parts = panels(drawn)
    with styled():
        grid = panels_of(
            len(parts), layout=layout, most_across=3, height_in=2.75 if layout == "row" else 2.6
        )
        metrics = [rows[0]["y_axis"] for rows in parts]
        for position, (axes, rows) in enumerate(zip(grid.axes, parts, strict=True)):
            shared = [
                row for other in parts if other[0]["y_axis"] == rows[0]["y_axis"] for row in other
            ]
            draw_panel(axes, rows, y_limits=limits(shared))
            name_series(axes, rows)
            if layout == "column" or position == 0 or metrics[position] != metrics[position - 1]:
                axes.set_ylabel(rows[0]["y_axis"])
        heads(grid.axes, parts, across=grid.across)
    return grid.figure


def name_series(axes: "Axes", rows: list[dict[str, Any]]) -> None:
    """Names of the curves at the right end of their lines, where a panel has more than one."""
    ends = {row["series"]: row for row in rows if row["role"] in {"law", "mean"}}
    if len(ends) < 2:
        return
    at = apart(heights_of(axes, [row["y"] for row in ends.values()]), least=0.05)
    for (series, row), height in zip(ends.items(), at, strict=True):
        axes.text(
            1.01,
            height,
            series,
            transform=axes.transAxes,
            fontsize=6,
            color=row["colour"],
            va="center",
        )
