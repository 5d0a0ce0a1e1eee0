"""Response against one axis, a line for each value of the others: measured and fitted; and the same with the floor taken off (L - E)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.figures.style import GREY, SOFT, decade_ticks, halo, new_figure, short_number, styled
from analysis.fit import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = 7
_STEPS = 50
_NAME_ROOM = 0.06


def table(fitted: Fit, *, axis: str) -> pa.Table:
    """Rows of role "point" (a configuration) and "law" (a line at one value of the other axes: at most seven of them)."""
    axes = fitted.points.axes
    floor = float(fitted.built.external(fitted.solution.theta[None]).get("E", np.zeros(1))[0])
    other = next((name for name in axes if name != axis), None)
    beside = axes[other] if other else np.ones(len(axes[axis]))
    rows: list[dict[str, Any]] = [
        {"role": "point", "axis": axis, "other_axis": other or "", "other": float(o), "x": float(x), "y": float(np.exp(y)), "floor": floor}
        for x, y, o in zip(axes[axis], fitted.points.log_mean, beside, strict=True)
    ]
    at = np.geomspace(axes[axis].min(), axes[axis].max() * np.sqrt(axes[axis].max() / axes[axis].min()), _STEPS)
    levels = np.unique(beside)
    shown = levels if len(levels) <= _LINES else np.geomspace(levels[0], levels[-1], _LINES)
    for level in shown:
        columns = {name: np.full(_STEPS, float(np.exp(np.log(values).mean()))) for name, values in axes.items()} | {axis: at}
        if other:
            columns[other] = np.full(_STEPS, float(level))
        law, band = fitted.predict(columns), fitted.band(columns)
        for x, y, low, high in zip(at, law, band[0], band[1], strict=True):
            words = {"role": "law", "axis": axis, "other_axis": other or "", "other": float(level), "floor": floor}
            rows.append(words | {"x": float(x), "y": float(y), "low": float(low), "high": float(high)})
    names = ["role", "axis", "other_axis"], ["other", "x", "y", "low", "high", "floor"]
    return pa.Table.from_pylist(rows, schema=pa.schema([(n, pa.string()) for n in names[0]] + [(n, pa.float64()) for n in names[1]]))


def draw(drawn: pa.Table, layout: str = "row") -> "Figure":
    """Left the response with its floor, right the reducible part on the same axes; grey is beyond the data."""
    import matplotlib

    rows = drawn.to_pylist()
    points, laws = ([row for row in rows if row["role"] == role] for role in ("point", "law"))
    levels = sorted({row["other"] for row in laws})
    colours = matplotlib.colormaps["viridis"]
    span = np.log(max(levels) / min(levels)) or 1.0
    end = max(row["x"] for row in points)
    with styled():
        figure = new_figure(width_in=8.4 if layout == "row" else 4.2, height_in=3.7 if layout == "row" else 7.0)
        grid = figure.subplots(1, 2) if layout == "row" else figure.subplots(2, 1)
        for reducible, axes in enumerate(grid):
            floor = rows[0]["floor"] * reducible
            axes.set_xscale("log")
            axes.set_yscale("log")
            for level in levels:
                line = [row for row in laws if row["other"] == level and row["y"] > floor]
                colour = colours(0.85 * np.log(level / min(levels)) / span)
                axes.plot([row["x"] for row in line], [row["y"] - floor for row in line], color=colour, linewidth=1.3)
                low, high = ([max(row[key] - floor, 1e-12) for row in line] for key in ("low", "high"))
                axes.fill_between([row["x"] for row in line], low, high, color=colour, alpha=0.13, linewidth=0)
            _name_lines(axes, laws, floor=floor)
            seen = [row for row in points if row["y"] > floor]
            shade = [colours(float(np.clip(0.85 * np.log(row["other"] / min(levels)) / span, 0, 1))) for row in seen]
            axes.scatter(
                [row["x"] for row in seen], [row["y"] - floor for row in seen], c=shade, s=14, edgecolors="white", linewidths=0.4, zorder=3
            )
            low, high = min(row["y"] for row in seen) - floor, max(row["y"] for row in seen) - floor
            axes.set_ylim(max(low, high * 1e-4) / 1.3, high * 1.3)
            axes.axvspan(end, axes.get_xlim()[1], color=GREY, alpha=0.10, linewidth=0)
            if not reducible and rows[0]["floor"] > 0:
                axes.axhline(rows[0]["floor"], color=SOFT, linestyle=":", linewidth=1)
            decade_ticks(axes)
            axes.margins(x=0.02)
            axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
            axes.xaxis.set_minor_formatter("")
            axes.set_xlabel(rows[0]["axis"])
            axes.set_ylabel("response − floor" if reducible else "response")
            lines = f", a line a value of {rows[0]['other_axis']}" if rows[0]["other_axis"] else ""
            axes.set_title("Reducible part: L − E" if reducible else f"Measured and fitted{lines}", loc="left", fontsize=9)
    return figure


def _name_lines(axes: "Axes", laws: list[dict[str, Any]], *, floor: float) -> None:
    """The other axis' value at the right end of each line, left out where two ends are too close to read."""
    if not laws or not laws[0]["other_axis"]:
        return
    ends = {row["other"]: row for row in laws if row["y"] > floor}
    low, high = (np.log(edge([row["y"] - floor for row in ends.values()])) for edge in (min, max))
    last = -np.inf
    for level, row in sorted(ends.items(), key=lambda item: float(item[1]["y"])):
        height = float(np.log(row["y"] - floor))
        if height - last > _NAME_ROOM * max(high - low, 0.3):
            axes.annotate(
                short_number(level),
                (row["x"], row["y"] - floor),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=7,
                color=SOFT,
                va="center",
                annotation_clip=True,
                path_effects=halo(),
            )
            last = height
