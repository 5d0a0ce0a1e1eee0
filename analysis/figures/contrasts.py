"""Differences between splits from paired draws: one row per pair of splits with its value and 95 %
interval. A line marks "no difference"."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from analysis.figures.style import (
    GREY,
    INK,
    VERMILION,
    Layout,
    few_ticks,
    panels_of,
    plain_text,
    short_number,
    split_words,
    styled,
)
from analysis.figures.tidy import schema_of
from analysis.fit.contrast import Contrast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = schema_of(
    text=("quantity", "kind", "first", "second"),
    numbers=("first_value", "second_value", "value", "low", "high"),
)
_SHORT = 16


def table(contrasts: Sequence[Contrast]) -> pa.Table:
    """One row per contrast. A null end is open."""
    return pa.Table.from_pylist(
        [{name: getattr(found, name) for name in SCHEMA.names} for found in contrasts],
        schema=SCHEMA,
    )


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """One panel per quantity: a difference on a linear axis, a ratio on a logarithmic one. A filled
    mark means that the interval excludes "no difference"."""
    rows = drawn.to_pylist()
    quantities = list(dict.fromkeys(row["quantity"] for row in rows))
    pairs = list(dict.fromkeys((row["first"], row["second"]) for row in rows))
    ratios = {row["quantity"] for row in rows if row["kind"] == "ratio"}
    with styled():
        height = 0.75 + 0.3 * len(pairs)
        panels = panels_of(
            len(quantities),
            layout=layout,
            most_across=min(3, len(quantities)),
            height_in=height,
            share_y="all",
        )
        for axes, quantity in zip(panels.axes, quantities, strict=True):
            ratio = quantity in ratios
            none = 1.0 if ratio else 0.0
            if ratio:
                axes.set_xscale("log")
            axes.axvline(none, color=GREY, linewidth=0.9, linestyle=(0, (5, 3)))
            for row in (row for row in rows if row["quantity"] == quantity):
                place = pairs.index((row["first"], row["second"]))
                apart = (row["low"] is not None and row["low"] > none) or (
                    row["high"] is not None and row["high"] < none
                )
                ends = [row["value"] if row[end] is None else row[end] for end in ("low", "high")]
                axes.plot(ends, [place] * 2, color=VERMILION if apart else INK, linewidth=1.4)
                for end, marker in (("low", "<"), ("high", ">")):
                    if row[end] is None:
                        axes.plot([row["value"]], [place], marker, color=INK, markersize=7)
                axes.plot(
                    [row["value"]],
                    [place],
                    "o",
                    color=VERMILION if apart else "white",
                    markeredgecolor=VERMILION if apart else INK,
                )
            axes.set_yticks(
                range(len(pairs)),
                [f"{_name(first)} | {_name(second)}" for first, second in pairs],
                color=INK,
            )
            axes.set_ylim(len(pairs) - 0.4, -0.6)
            if ratio:
                few_ticks(axes.xaxis)
            else:
                axes.xaxis.set_major_formatter(
                    lambda value, _: short_number(value).replace("-", "−")
                )
            axes.set_title(
                f"{plain_text(quantity)}\n{'right ÷ left' if ratio else 'left − right'}",
                loc="left",
                fontsize=6.5,
            )
    return panels.figure


def _name(split: str) -> str:
    words = split_words(split)
    return words if len(words) <= _SHORT else words[: _SHORT - 1] + "…"
