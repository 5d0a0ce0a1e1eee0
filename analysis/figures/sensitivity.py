"""How the parameters move with the choice of delta and without the worst runs. The move often
exceeds any optimiser's error."""

from typing import TYPE_CHECKING

import pyarrow as pa

from analysis.figures.style import BLUE, INK, Layout, panels_of, short_number, styled
from analysis.figures.tidy import schema_of
from analysis.fit.fit import Fit
from analysis.fit.selection import sensitivity

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(fitted: Fit) -> pa.Table:
    """One row per case and parameter. `low` and `high` are the interval of the fit itself."""
    rows = []
    for case in sensitivity(fitted):
        for name, estimate in fitted.parameters.items():
            words = {"case": str(case["case"]), "parameter": name, "value": float(str(case[name]))}
            rows.append(words | {"low": estimate.low, "high": estimate.high})
    schema = schema_of(text=("case", "parameter"), numbers=("value", "low", "high"))
    return pa.Table.from_pylist(rows, schema=schema)


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One strip per parameter, with its interval shaded and one point per case."""
    rows = drawn.to_pylist()
    names, cases = (list(dict.fromkeys(row[key] for row in rows)) for key in ("parameter", "case"))
    with styled():
        panels = panels_of(
            len(names),
            layout=layout,
            most_across=3,
            height_in=0.75 + 0.16 * len(cases),
            share_y="all",
        )
        for axes, name in zip(panels.axes, names, strict=True):
            part = [row for row in rows if row["parameter"] == name]
            if part[0]["low"] is not None and part[0]["high"] is not None:
                axes.axvspan(part[0]["low"], part[0]["high"], color=BLUE, alpha=0.12, linewidth=0)
            axes.plot(
                [row["value"] for row in part],
                [cases.index(row["case"]) for row in part],
                "o",
                color=BLUE,
                markersize=5,
            )
            axes.set_yticks(range(len(cases)), cases, color=INK)
            axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
            axes.tick_params(axis="x", labelsize=6)
            axes.set_title(name, loc="left", fontsize=7.5)
        panels.axes[0].invert_yaxis()
    return panels.figure
