"""Predicted against measured on levels held out of the fit, with 95 % prediction intervals; beside
it, the error of the law and of the naive rule (the nearest run carried forward) by axis and
origin."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analysis.figures.style import (
    GREY,
    INK,
    OTHERS,
    SOFT,
    Layout,
    decade_ticks,
    few_ticks,
    panels_of,
    styled,
)
from analysis.figures.tidy import columns, schema_of
from analysis.fit.selection import HoldOut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^"
_COLOURS = ("#0072B2", *OTHERS)
_NUMBERS = ("measured", "predicted", "low", "high", "rmsle", "naive_rmsle", "skill", "distance")
SCHEMA = pa.schema([("axis", pa.string()), ("dropped", pa.int64()), *schema_of(numbers=_NUMBERS)])


def table(rows: Sequence[HoldOut]) -> pa.Table:
    """One row per held-out configuration, with the scores of its origin (`dropped` levels of
    `axis`)."""
    found = []
    for row in rows:
        origin = {"axis": row.axis, "dropped": row.dropped} | {
            name: getattr(row, name) for name in _NUMBERS[4:]
        }
        points = zip(
            row.points.measured, row.points.predicted, row.points.low, row.points.high, strict=True
        )
        found += [origin | dict(zip(_NUMBERS, map(float, point), strict=False)) for point in points]
    return pa.Table.from_pylist(found, schema=SCHEMA)


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """Left: the points of the farthest origin of each axis. Right: the errors of all origins."""
    rows = drawn.to_pylist()
    origins = {(row["axis"], row["dropped"]): row for row in rows}
    with styled():
        panels = panels_of(
            2, layout=layout, most_across=2, height_in=max(2.4, 0.8 + 0.3 * len(origins))
        )
        _points(panels.axes[0], rows)
        _errors(panels.axes[1], list(origins.values()))
    return panels.figure


def _points(axes: "Axes", rows: list[dict[str, Any]]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for place, name in enumerate(dict.fromkeys(row["axis"] for row in rows)):
        farthest = max(row["dropped"] for row in rows if row["axis"] == name)
        part = [row for row in rows if (row["axis"], row["dropped"]) == (name, farthest)]
        x, colour = [row["measured"] for row in part], _COLOURS[place % len(_COLOURS)]
        axes.vlines(x, *columns(part, "low", "high"), color=colour, linewidth=0.6, alpha=0.45)
        label = f"largest {name}: {farthest} out, {len(part)} points"
        axes.plot(
            x,
            [row["predicted"] for row in part],
            _MARKERS[place % len(_MARKERS)],
            color=colour,
            markersize=3,
            markeredgecolor="white",
            markeredgewidth=0.3,
            label=label,
        )
    ends = [min(row["measured"] for row in rows), max(row["measured"] for row in rows)]
    room = (ends[1] / ends[0]) ** 0.08
    diagonal = [ends[0] / room, ends[1] * room]
    axes.plot(diagonal, diagonal, color=GREY, linewidth=0.8, zorder=1)
    few_ticks(axes.xaxis)
    decade_ticks(axes)
    axes.set_xlabel("measured")
    axes.set_ylabel("predicted without it")
    axes.legend(loc="upper left")


def _errors(axes: "Axes", origins: list[dict[str, Any]]) -> None:
    axes.set_xscale("log")
    for height, row in enumerate(origins):
        axes.plot([row["rmsle"], row["naive_rmsle"]], [height] * 2, color=GREY, linewidth=0.8)
        axes.plot(
            [row["naive_rmsle"]],
            [height],
            "s",
            color=GREY,
            markersize=4.5,
            label=None if height else "nearest run carried forward",
        )
        axes.plot(
            [row["rmsle"]],
            [height],
            "o",
            color=_COLOURS[0],
            markersize=5,
            label=None if height else "law",
        )
        words = f"skill {row['skill']:+.2f}".replace("-", "−")
        axes.annotate(
            words,
            (1, height),
            xycoords=("axes fraction", "data"),
            fontsize=5.8,
            color=SOFT,
            ha="right",
            va="bottom",
        )
    axes.set_yticks(
        range(len(origins)), [f"{row['axis']}: {row['dropped']} out" for row in origins], color=INK
    )
    axes.set_ylim(-0.6, len(origins) - 0.4 + 0.35)
    values = [row[key] for row in origins for key in ("rmsle", "naive_rmsle") if row[key] > 0]
    axes.set_xlim(min(values) / 1.6, max(values) * (max(values) / min(values)) ** 0.25 * 1.3)
    few_ticks(axes.xaxis)
    axes.set_xlabel("root mean squared log error")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
