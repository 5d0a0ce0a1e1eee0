"""The main figure of a table: one panel per split (or one per axis, in a table of one split), with
verdict, change and exponent above each.

Points are runs. Lines are the law at values of another axis with its 95 % band, as far as runs near
that value reach. Where the verdict supports no law there is no line: dashes join the means of the
levels."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.figures.curves import heads
from analysis.figures.fitted_curves import law_line, levels_of, other_axis
from analysis.figures.level_lines import apart, heights_of
from analysis.figures.marks import change_over, exponent_interval
from analysis.figures.style import (
    BLUE,
    GREEN,
    OTHERS,
    SOFT,
    VERMILION,
    Layout,
    decade_ticks,
    few_ticks,
    kind_colour,
    panels_of,
    short_number,
    split_words,
    styled,
)
from analysis.figures.tidy import columns, rows_of, schema_of
from analysis.fit.fit import Fit
from analysis.fit.splits import SplitFit
from analysis.verdict.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SPLITS = 9
_STEPS = 50
_MOST_LINES = 3
_MOST_LEVELS = 12
_COLOURS = (BLUE, VERMILION, GREEN, *OTHERS)
SCHEMA = schema_of(
    text=("role", "title", "note", "colour", "axis", "response"),
    numbers=("panel", "other", "x", "y", "low", "high"),
)


def table(parts: Sequence[SplitFit], *, response: str, names: Mapping[str, str]) -> pa.Table:
    """Rows of role "run", "law" (with band) and "mean". There is one panel per split, along the
    axis on which the first split changes most.

    Without splits, there is one panel per axis. `names` are the columns behind the axes. The table
    is empty for a ratio, which has no verdicts."""
    if not parts[0].verdicts:
        return pa.Table.from_pylist([], schema=SCHEMA)
    rows: list[dict[str, Any]] = []
    if len(parts) == 1:
        places = [(parts[0], verdict, f"Along {verdict.axis}") for verdict in parts[0].verdicts]
    else:
        lead = max(parts[0].verdicts, key=lambda verdict: abs(verdict.change or 0.0)).axis
        places = [
            (part, verdict, split_words(part.name))
            for part in parts[:MOST_SPLITS]
            for verdict in part.verdicts
            if verdict.axis == lead
        ]
    for panel, (part, verdict, title) in enumerate(places):
        named = kind_colour(part.name) or (
            _COLOURS[panel % len(_COLOURS)] if len(parts) > 1 else BLUE
        )
        words = {
            "panel": float(panel),
            "title": title,
            "note": "\n".join(verdict_lines(part.fit, verdict)),
            "colour": named,
            "axis": names.get(verdict.axis, verdict.axis),
            "response": response,
        }
        rows += [words | row for row in _marks(part.fit, verdict)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def verdict_lines(fitted: Fit, verdict: Verdict) -> list[str]:
    """The lines above a panel: verdict, change over the range, exponent."""
    values = fitted.points.axes[verdict.axis]
    lines = [verdict.word, change_over(verdict, low=float(values.min()), high=float(values.max()))]
    name = fitted.law.exponent_of(verdict.axis)
    if verdict.falls and name:
        return [*lines, exponent_interval(name, fitted)]
    return [*lines, "no exponent: no law is shown" if verdict.change is not None else "no exponent"]


def _marks(fitted: Fit, verdict: Verdict) -> list[dict[str, Any]]:
    points, axis = fitted.points, verdict.axis
    values, other = points.axes[axis], other_axis(fitted, axis)
    beside = points.axes[other] if other else np.ones(len(values))
    runs = rows_of(other=beside[points.member], x=values[points.member], y=np.exp(points.run_log))
    rows: list[dict[str, Any]] = [{"role": "run"} | run for run in runs]
    if not verdict.falls:
        levels = np.unique(values)
        if len(levels) > _MOST_LEVELS:
            return rows
        means = [np.exp(points.log_mean[values == level].mean()) for level in levels]
        return rows + [{"role": "mean"} | mean for mean in rows_of(x=levels, y=means)]
    shown = levels_of(fitted, other)
    shown = shown if len(shown) <= _MOST_LINES else [shown[0], shown[len(shown) // 2], shown[-1]]
    nearest = np.abs(np.log(beside)[:, None] - np.log(shown)[None]).argmin(axis=1)
    for place, level in enumerate(shown):
        near = values[nearest == place] if np.any(nearest == place) else values
        at = np.geomspace(near.min(), near.max(), _STEPS)
        line = law_line(fitted, axis=axis, at=at, level=level)
        rows += [{"role": "law", "other": level} | row for row in line]
    return rows


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """Panels share the scale of the response."""
    rows = drawn.to_pylist()
    runs = [row["y"] for row in rows if row["role"] == "run"]
    room = (max(runs) / min(runs)) ** 0.08 * 1.02
    with styled():
        count = int(max(row["panel"] for row in rows)) + 1
        panels = panels_of(
            count, layout=layout, most_across=3, height_in=2.75 if count > 1 else 3.1
        )
        parts = [[row for row in rows if row["panel"] == place] for place in range(count)]
        for place, (axes, part) in enumerate(zip(panels.axes, parts, strict=True)):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylim(min(runs) / room, max(runs) * room)
            _draw_marks(axes, part)
            few_ticks(axes.xaxis)
            decade_ticks(axes)
            axes.set_xlabel(part[0]["axis"])
            if panels.leads(place):
                axes.set_ylabel(part[0]["response"])
        heads(panels.axes, parts, across=panels.across)
    return panels.figure


def _draw_marks(axes: "Axes", part: list[dict[str, Any]]) -> None:
    colour = part[0]["colour"]
    runs, law, mean = (
        [row for row in part if row["role"] == role] for role in ("run", "law", "mean")
    )
    axes.plot(
        *columns(runs, "x", "y"),
        "o",
        color=colour,
        markersize=3.2 if len(runs) < 60 else 2.2,
        markeredgecolor="white",
        markeredgewidth=0.3,
        alpha=0.8,
    )
    axes.plot(*columns(mean, "x", "y"), color=colour, linestyle=(0, (2, 2)), linewidth=1)
    levels = sorted({row["other"] for row in law})
    edge = max(row["x"] for row in runs)
    lines = {level: [row for row in law if row["other"] == level] for level in levels}
    ends = apart(heights_of(axes, [line[-1]["y"] for line in lines.values()]), least=0.04)
    for (level, line), height in zip(lines.items(), ends, strict=True):
        x = [row["x"] for row in line]
        axes.fill_between(x, *columns(line, "low", "high"), color=colour, alpha=0.16, linewidth=0)
        axes.plot(x, [row["y"] for row in line], color=colour, linewidth=1.2)
        if len(levels) > 1:
            axes.annotate(
                short_number(level),
                (x[-1], height),
                xycoords=axes.get_xaxis_transform(),
                xytext=(2, 0),
                textcoords="offset points",
                fontsize=5.5,
                color=SOFT,
                va="center",
            )
    low = min(row["x"] for row in runs)
    axes.set_xlim(
        low / (edge / low) ** 0.05, edge * (edge / low) ** (0.13 if len(levels) > 1 else 0.05)
    )
