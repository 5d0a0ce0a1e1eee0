"""A ratio against one axis: the observed shares with Wilson intervals, and the power law and the
logistic law with their bands."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.figures.style import BLUE, INK, VERMILION, Layout, few_ticks, panels_of, styled
from analysis.figures.tidy import columns, rows_of, schema_of
from analysis.fit.fit import Fit
from physscale.records.rate import wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEPS = 60
_COLOURS = (BLUE, VERMILION)
SCHEMA = schema_of(text=("role", "law", "response"), numbers=("x", "y", "low", "high"))


def table(
    fits: Mapping[str, Fit],
    *,
    x: np.ndarray,
    share: np.ndarray,
    count: np.ndarray,
    response: str = "share",
) -> pa.Table:
    """Roles "point" (one per row of the table) and "law" (one named line per fit)."""
    rows: list[dict[str, Any]] = []
    for at, value, trials in zip(x, share, count, strict=True):
        found = wilson(round(float(value * trials)), of=max(int(trials), 1))
        mark = {"x": float(at), "y": float(value), "low": found.low, "high": found.high}
        rows.append({"role": "point"} | mark)
    at = np.geomspace(x.min(), x.max(), _STEPS)
    for name, fitted in fits.items():
        low, high = fitted.band({"x": at})
        line = rows_of(x=at, y=fitted.predict({"x": at}), low=low, high=high)
        rows += [{"role": "law", "law": name} | row for row in line]
    return pa.Table.from_pylist([row | {"response": response} for row in rows], schema=SCHEMA)


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """One panel. The first law is solid, the others are dashed."""
    rows = drawn.to_pylist()
    points = [row for row in rows if row["role"] == "point"]
    with styled():
        panels = panels_of(1, layout=layout, most_across=1, height_in=2.8)
        axes = panels.axes[0]
        axes.set_xscale("log")
        for place, name in enumerate(
            dict.fromkeys(row["law"] for row in rows if row["role"] == "law")
        ):
            law = [row for row in rows if row["role"] == "law" and row["law"] == name]
            colour = _COLOURS[place % len(_COLOURS)]
            x = [row["x"] for row in law]
            axes.fill_between(
                x, *columns(law, "low", "high"), color=colour, alpha=0.14, linewidth=0
            )
            axes.plot(
                x,
                [row["y"] for row in law],
                color=colour,
                linestyle="--" if place else "-",
                label=name,
            )
        axes.vlines(*columns(points, "x", "low", "high"), color=INK, linewidth=1)
        axes.plot(*columns(points, "x", "y"), "o", color=INK, markeredgecolor="white", markersize=5)
        axes.set_ylim(0, min(1.0, 1.15 * max(row["high"] for row in points)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        few_ticks(axes.xaxis)
        axes.set_xlabel("x")
        axes.set_ylabel(rows[0]["response"])
        axes.legend(loc="upper right")
        axes.set_title("shares with Wilson intervals, laws with 95 % bands", loc="left", fontsize=7)
    return panels.figure
