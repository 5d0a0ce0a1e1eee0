"""The reducible part of the response along each axis: what that axis alone can still remove. It is
a straight line where its term is a power.

Line: the law with every other axis at infinity, minus the floor E. Points: that line plus the run's
residual (partial residuals). A wrong floor or term bends the points away from the line."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.figures.fitted_curves import other_axis, start_axes
from analysis.figures.style import INK, Layout, decade_ticks, panels_of, styled
from analysis.figures.tidy import columns, rows_of, schema_of
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEPS = 50
_UNLIMITED = 1e30
SCHEMA = schema_of(
    text=("role", "axis", "other_axis", "response"), numbers=("other", "x", "y", "low", "high")
)


def table(fitted: Fit, *, response: str = "response") -> pa.Table:
    """Rows of role "run" (where the partial residual is positive) and "law", for every axis with a
    term of its own."""
    points, rows = fitted.points, []
    for axis in fitted.law.axes:
        values = points.axes[axis]
        at = np.geomspace(values.min(), values.max() * np.sqrt(values.max() / values.min()), _STEPS)
        line, spread = _term(fitted, axis, at)
        if not (np.isfinite(line) & (line > 0)).all():
            continue
        other = other_axis(fitted, axis)
        middle = float(np.median(points.axes[other])) if other else 1.0
        words: dict[str, Any] = {"axis": axis, "other_axis": other or "", "response": response}
        low, high = np.quantile(spread, [0.025, 0.975], axis=0)
        law = rows_of(x=at, y=line, low=low, high=high)
        rows += [words | {"role": "law", "other": middle} | row for row in law]
        x = values[points.member]
        beside = points.axes[other][points.member] if other else np.ones(len(x))
        partial = (
            np.exp(points.run_log)
            - fitted.predict(points.axes)[points.member]
            + _term(fitted, axis, x)[0]
        )
        runs = rows_of(other=beside, x=x, y=partial)
        rows += [words | {"role": "run"} | row for row in runs if row["y"] > 0]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _term(fitted: Fit, axis: str, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The axis's term, of the fit and of every draw."""
    columns = {name: np.full(len(at), _UNLIMITED) for name in fitted.points.axes} | {axis: at}
    floor = [
        fitted.built.external(theta).get("E", np.zeros(len(theta)))[:, None]
        for theta in (fitted.solution.theta[None], fitted.draws)
    ]
    return fitted.predict(columns) - floor[0][0], fitted.built.predict(
        fitted.draws, columns
    ) - floor[1]


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """One panel per axis."""
    rows = drawn.to_pylist()
    names = list(dict.fromkeys(row["axis"] for row in rows))
    with styled():
        panels = panels_of(
            len(names), layout=layout, most_across=3 if len(names) == 3 else 2, height_in=2.5
        )
        for place, (axes, name) in enumerate(zip(panels.axes, names, strict=True)):
            part = [row for row in rows if row["axis"] == name]
            start_axes(axes, part)
            line = [row for row in part if row["role"] == "law"]
            axes.plot(*columns(line, "x", "y"), color=INK, linewidth=1.2, zorder=4)
            low = np.maximum([row["low"] for row in line], min(row["y"] for row in line) / 100)
            axes.fill_between(
                [row["x"] for row in line],
                low,
                [row["high"] for row in line],
                color=INK,
                alpha=0.14,
                linewidth=0,
            )
            seen = np.array([row["y"] for row in part if row["role"] == "run"])
            bottom = max(float(seen.min()), min(row["y"] for row in line) / 3)
            axes.set_ylim(bottom / 1.3, max(float(seen.max()), line[0]["y"]) * 1.3)
            decade_ticks(axes)
            if panels.leads(place):
                axes.set_ylabel(f"{rows[0]['response']}, reducible part")
            axes.set_title(f"what {name} alone can still remove", loc="left", fontsize=7)
    return panels.figure
