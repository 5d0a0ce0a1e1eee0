"""A ratio against one axis: the observed shares with Wilson intervals and the fitted binomial law with its band."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analysis.figures.style import BLUE, INK, new_figure, short_number, styled
from analysis.fit import Fit
from analysis.intervals import wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEPS = 60


def table(fitted: Fit, *, x: np.ndarray, share: np.ndarray, count: np.ndarray) -> pa.Table:
    """Roles "point" (one a row of the table) and "law"."""
    rows = []
    for at, value, trials in zip(x, share, count, strict=True):
        found = wilson(round(float(value * trials)), of=max(int(trials), 1))
        rows.append({"role": "point", "x": float(at), "y": float(value), "low": found.low, "high": found.high})
    at = np.geomspace(x.min(), x.max(), _STEPS)
    law, band = fitted.predict({"x": at}), fitted.band({"x": at})
    rows += [
        {"role": "law", "x": float(a), "y": float(y), "low": float(b), "high": float(c)} for a, y, b, c in zip(at, law, *band, strict=True)
    ]
    return pa.Table.from_pylist(
        rows, schema=pa.schema([("role", pa.string()), *((name, pa.float64()) for name in ("x", "y", "low", "high"))])
    )


def draw(drawn: pa.Table, layout: str = "row") -> "Figure":
    """One panel."""
    rows = drawn.to_pylist()
    points, law = ([row for row in rows if row["role"] == role] for role in ("point", "law"))
    with styled():
        figure = new_figure(width_in=4.8 if layout == "row" else 4.2, height_in=3.6)
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.fill_between(
            [row["x"] for row in law], [row["low"] for row in law], [row["high"] for row in law], color=BLUE, alpha=0.15, linewidth=0
        )
        axes.plot([row["x"] for row in law], [row["y"] for row in law], color=BLUE)
        axes.vlines([row["x"] for row in points], [row["low"] for row in points], [row["high"] for row in points], color=BLUE)
        axes.plot([row["x"] for row in points], [row["y"] for row in points], "o", color=BLUE, markeredgecolor="white", markersize=6)
        axes.set_ylim(0, min(1.0, 1.15 * max(row["high"] for row in points)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel("x", color=INK)
        axes.set_ylabel("share")
    return figure
