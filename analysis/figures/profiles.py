"""Profile likelihood of every parameter with the 95 % line. An end that never crosses it is marked
open."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analysis.figures.style import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    Layout,
    panels_of,
    short_number,
    styled,
)
from analysis.figures.tidy import columns, rows_of, schema_of
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(fitted: Fit) -> pa.Table:
    """One row per re-fit. `low` and `high` are the interval (null: open)."""
    rows = []
    for name, curve in fitted.profiles.items():
        ends = {"threshold": curve.threshold, "low": curve.low, "high": curve.high}
        points = rows_of(value=curve.values, excess=curve.excess)
        rows += [{"parameter": name} | point | ends for point in points]
    numbers = ("value", "excess", "threshold", "low", "high")
    return pa.Table.from_pylist(rows, schema=schema_of(text=("parameter",), numbers=numbers))


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One panel per parameter."""
    rows = drawn.to_pylist()
    names = list(dict.fromkeys(row["parameter"] for row in rows))
    with styled():
        panels = panels_of(len(names), layout=layout, most_across=3, height_in=1.65, share_y="all")
        for axes, name in zip(panels.axes, names, strict=True):
            part = sorted(
                (row for row in rows if row["parameter"] == name), key=lambda row: row["value"]
            )
            threshold = part[0]["threshold"]
            near = [row for row in part if row["excess"] < 2.5 * threshold]
            axes.plot(*columns(near, "value", "excess"), color=BLUE)
            axes.axhline(threshold, color=GREY, linewidth=0.9, linestyle=(0, (5, 3)))
            ends = [part[0]["low"], part[0]["high"]]
            for end in ends:
                if end is not None:
                    axes.axvline(end, color=BLUE, linewidth=0.8, linestyle=":")
            words = " to ".join("open" if end is None else f"{end:.3g}" for end in ends)
            axes.set_title(
                f"{name}: {words}", loc="left", fontsize=7, color=VERMILION if None in ends else INK
            )
            if (
                near
                and np.ptp([row["value"] for row in near])
                > 50 * abs(min(row["value"] for row in near))
                > 0
            ):
                axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
            axes.set_ylim(0, 2.5 * threshold)
        panels.axes[0].set_ylabel("excess objective / s²")
    return panels.figure
