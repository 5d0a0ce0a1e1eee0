"""Response against every axis of a law, with one line per value of another axis: runs as points,
the law with its 95 % band, the floor E dotted.

Grey lies beyond the data, where the law is an extrapolation.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.figures.style import (
    GREY,
    SOFT,
    Layout,
    decade_ticks,
    halo,
    panels_of,
    short_number,
    styled,
)
from analysis.figures.tidy import columns, rows_of, schema_of
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = 6
_STEPS = 50
_NAME_ROOM = 0.045
SCHEMA = schema_of(
    text=("role", "axis", "other_axis", "response"),
    numbers=("other", "x", "y", "low", "high", "floor"),
)


def table(fitted: Fit, *, response: str = "response") -> pa.Table:
    """Rows of role "run" and "law" for every axis. Each law line is at one value of another axis;
    there are at most six."""
    floor = float(fitted.built.external(fitted.solution.theta[None]).get("E", np.zeros(1))[0])
    rows: list[dict[str, Any]] = []
    for axis in fitted.law.axes:
        other = other_axis(fitted, axis)
        words = {"axis": axis, "other_axis": other or "", "response": response, "floor": floor}
        rows += [words | row for row in _runs(fitted, axis=axis, other=other)]
        values = fitted.points.axes[axis]
        at = np.geomspace(values.min(), values.max() * np.sqrt(values.max() / values.min()), _STEPS)
        for level in levels_of(fitted, other):
            line = law_line(fitted, axis=axis, at=at, level=level)
            rows += [words | {"role": "law", "other": level} | row for row in line]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def other_axis(fitted: Fit, axis: str) -> str | None:
    """The axis whose values get different colours."""
    return next((name for name in fitted.law.axes if name != axis), None)


def law_line(fitted: Fit, *, axis: str, at: np.ndarray, level: float) -> list[dict[str, Any]]:
    """The law and its 95 % band at these values of an axis. The coloured axis stays at `level`,
    every other at its geometric mean."""
    means = {name: np.exp(np.log(column).mean()) for name, column in fitted.points.axes.items()}
    other = other_axis(fitted, axis)
    fixed = means | ({other: level} if other else {})
    given = {name: np.full(len(at), value) for name, value in fixed.items()} | {axis: at}
    low, high = fitted.band(given)
    return rows_of(x=at, y=fitted.predict(given), low=low, high=high)


def levels_of(fitted: Fit, other: str | None) -> list[float]:
    """The values of the other axis that have a line."""
    found = np.unique(fitted.points.axes[other]) if other else np.ones(1)
    return [
        float(level)
        for level in (found if len(found) <= _LINES else np.geomspace(found[0], found[-1], _LINES))
    ]


def _runs(fitted: Fit, *, axis: str, other: str | None) -> list[dict[str, Any]]:
    points = fitted.points
    beside = points.axes[other] if other else np.ones(len(points.log_mean))
    x, o = points.axes[axis][points.member], beside[points.member]
    return [{"role": "run"} | row for row in rows_of(other=o, x=x, y=np.exp(points.run_log))]


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """One panel per axis, on one scale of the response."""
    rows = drawn.to_pylist()
    axes_names = list(dict.fromkeys(row["axis"] for row in rows))
    runs = [row["y"] for row in rows if row["role"] == "run"]
    low, high = (
        min([*runs, *({rows[0]["floor"]} if rows[0]["floor"] > min(runs) / 3 else ())]),
        max(runs),
    )
    with styled():
        panels = panels_of(
            len(axes_names),
            layout=layout,
            most_across=3 if len(axes_names) == 3 else 2,
            height_in=2.5,
        )
        for place, (axes, name) in enumerate(zip(panels.axes, axes_names, strict=True)):
            part = [row for row in rows if row["axis"] == name]
            start_axes(axes, part)
            for level, colour in colours_of(part).items():
                line = [row for row in part if row["role"] == "law" and row["other"] == level]
                axes.plot(*columns(line, "x", "y"), color=colour, linewidth=1.1)
                low_band, high_band = ([row[key] for row in line] for key in ("low", "high"))
                axes.fill_between(
                    [row["x"] for row in line],
                    low_band,
                    high_band,
                    color=colour,
                    alpha=0.15,
                    linewidth=0,
                )
            axes.set_ylim(low / (high / low) ** 0.06, high * (high / low) ** 0.06)
            _name_lines(axes, [row for row in part if row["role"] == "law"])
            if rows[0]["floor"] > axes.get_ylim()[0]:
                axes.axhline(rows[0]["floor"], color=SOFT, linestyle=":", linewidth=1)
                axes.annotate(
                    f"E = {rows[0]['floor']:.3g}",
                    (0.01, rows[0]["floor"]),
                    xycoords=("axes fraction", "data"),
                    fontsize=5.8,
                    color=SOFT,
                    va="bottom",
                    xytext=(0, 1.5),
                    textcoords="offset points",
                    path_effects=halo(),
                )
            decade_ticks(axes)
            if panels.leads(place):
                axes.set_ylabel(rows[0]["response"])
            other = part[0]["other_axis"]
            axes.set_title(
                f"along {name}" + (f", one line per value of {other}" if other else ""),
                loc="left",
                fontsize=7,
            )
    return panels.figure


def start_axes(axes: "Axes", part: list[dict[str, Any]]) -> None:
    """Scales, points and the grey zone of one panel."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    runs = [row for row in part if row["role"] == "run"]
    shades = shade(part)
    x, y = columns(runs, "x", "y")
    axes.scatter(
        x,
        y,
        c=[shades(row["other"]) for row in runs],
        s=8 if len(runs) > 60 else 13,
        edgecolors="white",
        linewidths=0.3,
        zorder=3,
    )
    low, end = min(row["x"] for row in part), max(row["x"] for row in runs)
    edge = max(row["x"] for row in part)
    room = (edge / low) ** (0.1 if part[0]["other_axis"] else 0.02)
    axes.set_xlim(low / (edge / low) ** 0.03, edge * room)
    axes.axvspan(end * (edge / end) ** 0.05, edge * room, color=GREY, alpha=0.10, linewidth=0)
    place: dict[str, Any] = {
        "xy": (1, 1),
        "xycoords": "axes fraction",
        "xytext": (-3, -3),
        "textcoords": "offset points",
    }
    axes.annotate(
        "beyond the data",
        **place,
        fontsize=5.8,
        color=SOFT,
        ha="right",
        va="top",
        path_effects=halo(),
    )
    axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel(part[0]["axis"])


def shade(part: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - a colour is what matplotlib says it is
    """Maps a value of the other axis to its colour. Small values are dark, in grey print as
    well."""
    import matplotlib

    lines = [row["other"] for row in part if row["role"] == "law"]
    lines = lines if len(set(lines)) > 1 else [row["other"] for row in part]
    low, span = min(lines), np.log(max(lines) / min(lines)) or 1.0
    return lambda value: matplotlib.colormaps["viridis"](
        0.85 * float(np.clip(np.log(value / low) / span, 0, 1))
    )


def colours_of(part: list[dict[str, Any]]) -> dict[float, Any]:
    """The lines of a panel and their colours."""
    shades = shade(part)
    return {
        level: shades(level)
        for level in sorted({row["other"] for row in part if row["role"] == "law"})
    }


def _name_lines(axes: "Axes", laws: list[dict[str, Any]]) -> None:
    """Names each line at its right end by the value of the other axis. A name is left out where two
    ends are too close to read."""
    if not laws or not laws[0]["other_axis"]:
        return
    ends = {row["other"]: row for row in laws}
    bottom, top = np.log(axes.get_ylim())
    last = -np.inf
    for level, row in sorted(ends.items(), key=lambda item: float(item[1]["y"])):
        height = float(np.log(row["y"]))
        if height - last > _NAME_ROOM * (top - bottom) and bottom < height < top:
            axes.annotate(
                short_number(level),
                (row["x"], row["y"]),
                xytext=(2, 0),
                textcoords="offset points",
                fontsize=5.8,
                color=SOFT,
                va="center",
                path_effects=halo(),
            )
            last = height
