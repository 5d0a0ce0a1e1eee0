"""Parameters across splits: one row per split with its estimate and interval. An arrow marks an
open end."""

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING

import pyarrow as pa

from analysis.figures.style import BLUE, INK, VERMILION, Layout, panels_of, plain_text, styled
from analysis.figures.tidy import schema_of
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(fits: Mapping[str, Fit], *, shown: Mapping[str, Set[str]]) -> pa.Table:
    """The `shown` exponents of every split: those along whose axis the split scales. Elsewhere an
    exponent means nothing."""
    rows = []
    for split, fitted in fits.items():
        for name, found in fitted.parameters.items():
            if name in shown[split]:
                words = {"split": split, "parameter": name}
                rows.append(words | {"value": found.value, "low": found.low, "high": found.high})
    schema = schema_of(text=("split", "parameter"), numbers=("value", "low", "high"))
    return pa.Table.from_pylist(rows, schema=schema)


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One panel per parameter."""
    rows = drawn.to_pylist()
    names, splits = (
        list(dict.fromkeys(row[key] for row in rows)) for key in ("parameter", "split")
    )
    with styled():
        panels = panels_of(
            len(names),
            layout=layout,
            most_across=3,
            height_in=0.8 + 0.24 * len(splits),
            share_y="all",
        )
        for axes, name in zip(panels.axes, names, strict=True):
            for row in (row for row in rows if row["parameter"] == name):
                height = splits.index(row["split"])
                low, high = (
                    row["value"] if row[end] is None else row[end] for end in ("low", "high")
                )
                axes.plot([low, high], [height] * 2, color=BLUE)
                for end, marker in (("low", "<"), ("high", ">")):
                    if row[end] is None:
                        axes.plot([row["value"]], [height], marker, color=VERMILION, markersize=9)
                axes.plot([row["value"]], [height], "o", color=BLUE, markeredgecolor="white")
            axes.set_yticks(
                range(len(splits)), [plain_text(split) or "all" for split in splits], color=INK
            )
            axes.set_ylim(len(splits) - 0.4, -0.6)
            axes.set_title(name, loc="left")
    return panels.figure
