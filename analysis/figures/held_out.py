"""Predicted against held out: the law's error and that of carrying the nearest run forward, by axis and origin."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from analysis.figures.style import BLUE, GREY, INK, few_ticks, new_figure, styled
from analysis.selection import HoldOut

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(rows: Sequence[HoldOut]) -> pa.Table:
    """One row an origin."""
    return pa.Table.from_pylist([vars(row) for row in rows])


def draw(drawn: pa.Table, layout: str = "row") -> "Figure":
    """Two dots a row: the law and the naive rule; the skill between them in words."""
    rows = drawn.to_pylist()
    with styled():
        figure = new_figure(width_in=6.2 if layout == "row" else 4.2, height_in=1.1 + 0.5 * len(rows))
        axes = figure.subplots()
        axes.set_xscale("log")
        for height, row in enumerate(rows):
            axes.plot([row["rmsle"], row["naive_rmsle"]], [height] * 2, color=GREY, linewidth=0.8)
            axes.plot(
                [row["naive_rmsle"]], [height], "s", color=GREY, markersize=6, label="nearest run carried forward" if not height else None
            )
            axes.plot([row["rmsle"]], [height], "o", color=BLUE, markersize=7, label="law" if not height else None)
        names = [f"{row['axis']}: {row['dropped']} out, {row['held']} points, skill {row['skill']:+.2f}" for row in rows]
        axes.set_yticks(range(len(rows)), names, color=INK)
        few_ticks(axes.xaxis)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("root mean squared log error on the held-out levels")
        figure.legend(loc="outside upper right", ncols=2)
    return figure
