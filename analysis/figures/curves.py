"""One panel of curves on logarithmic axes: seeds as points, the law with its band, floors dotted
and baselines dashed. Words stand beside the lines."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.figures.level_lines import draw_levels
from analysis.figures.style import SOFT, bound, decade_ticks, level_ticks, pitch_in
from analysis.figures.tidy import columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOWEST_SHARE = 0.25
_LETTERS_AN_INCH = 18.2


def panels(table: pa.Table) -> list[list[dict[str, Any]]]:
    """The rows of each panel, in order."""
    rows = table.to_pylist()
    return [
        [row for row in rows if row["panel"] == panel]
        for panel in sorted({row["panel"] for row in rows})
    ]


def draw_panel(axes: "Axes", rows: list[dict[str, Any]], *, y_limits: tuple[float, float]) -> None:
    """Draws one panel's rows."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    x = np.array([row["x"] for row in rows if row["role"] == "seed"], dtype=float)
    levels = np.unique(x)
    axes.set_xlim(levels[0] / 1.25, levels[-1] * 1.25)
    axes.set_ylim(*y_limits)
    for series in dict.fromkeys(
        row["series"] for row in rows if row["role"] in {"seed", "law", "mean"}
    ):
        _draw_series(axes, [row for row in rows if row["series"] == series])
    draw_levels(axes, rows)
    level_ticks(axes, levels)
    decade_ticks(axes)
    axes.set_xlabel(rows[0]["x_axis"])


def heads(axes: "Sequence[Axes]", parts: Sequence[list[dict[str, Any]]], *, across: int) -> None:
    """Title and note above each panel. The titles of one line of panels stand at one height."""
    for first in range(0, len(parts), across):
        line = list(zip(axes[first : first + across], parts[first : first + across], strict=True))
        notes = [_note(panel, rows) for panel, rows in line]
        for (panel, rows), note in zip(line, notes, strict=True):
            _head(panel, rows, note=note, lines=max(map(len, notes)))


def _note(axes: "Axes", rows: list[dict[str, Any]]) -> list[str]:
    room = int((pitch_in(axes) - 0.3) * _LETTERS_AN_INCH)
    return [
        piece for line in rows[0]["note"].split("\n") for piece in wrap(bound(line), room) or [""]
    ]


def _head(axes: "Axes", rows: list[dict[str, Any]], *, note: Sequence[str], lines: int) -> None:
    """Title, and the note below it: its first line in the colour of the first series, the others
    grey. Long lines wrap."""
    place: dict[str, Any] = {
        "xy": (0, 1),
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "va": "bottom",
        "ha": "left",
        "annotation_clip": False,
    }
    for position, line in enumerate(note):
        look: dict[str, Any] = (
            {"color": SOFT} if position else {"color": rows[0]["colour"], "fontweight": "bold"}
        )
        axes.annotate(
            line, xytext=(0, 4 + 8.5 * (lines - 1 - position)), fontsize=6.5, **place, **look
        )
    axes.annotate(
        rows[0]["title"], xytext=(0, 6 + 8.5 * lines), fontsize=8.5, fontweight="bold", **place
    )


def limits(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Limits of the y axis that show every point, and the floors and baselines near them."""
    points = [row["y"] for row in rows if row["role"] == "seed"]
    low, high = min(points), max(points)
    for row in rows:
        if row["role"] in {"floor", "baseline"} and row["y"] > 0:
            low = row["y"] if low * _LOWEST_SHARE / 4 < row["y"] < low else low
            high = row["y"] if high < row["y"] < high / _LOWEST_SHARE * 2 else high
    return low / 1.5, high * 1.5


def _draw_series(axes: "Axes", rows: list[dict[str, Any]]) -> None:
    colour = rows[0]["colour"]
    marks = {
        role: [row for row in rows if row["role"] == role]
        for role in ("seed", "law", "band", "mean")
    }
    if marks["band"]:
        at = [row["x"] for row in marks["band"]]
        axes.fill_between(
            at, *columns(marks["band"], "low", "high"), color=colour, alpha=0.16, linewidth=0
        )
    if marks["mean"]:
        axes.plot(
            *columns(marks["mean"], "x", "y"), color=colour, linewidth=1.1, linestyle=(0, (2, 2))
        )
    if marks["law"]:
        axes.plot(*columns(marks["law"], "x", "y"), color=colour, linewidth=1.3)
    for row in marks["seed"]:
        if row["low"] is not None and row["high"] is not None:
            axes.plot(
                [row["x"]] * 2,
                [row["low"], row["high"]],
                color=colour,
                linewidth=0.8,
                alpha=0.6,
                solid_capstyle="butt",
            )
    axes.plot(
        *columns(marks["seed"], "x", "y"),
        "o",
        markersize=3.8,
        markerfacecolor=colour,
        markeredgecolor="white",
        markeredgewidth=0.5,
        linestyle="none",
    )
