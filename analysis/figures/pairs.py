"""Bootstrap draws of the parameters, pair by pair, which makes ridges between parameters
visible."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analysis.figures.style import BLUE, INK, WIDTH_IN, Layout, new_figure, short_number, styled
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 1500


def table(fitted: Fit) -> pa.Table:
    """One row per draw (the first 1,500), with readable parameters as columns. Given parameters are
    left out."""
    values = fitted.built.external(fitted.draws[:_SHOWN])
    return pa.table({name: column for name, column in values.items() if np.ptp(column) > 0})


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """Scatter plots in the lower triangle, histograms on the diagonal. Parameters that span more
    than a decade have logarithmic axes."""
    names = drawn.column_names
    columns = {name: drawn[name].to_numpy() for name in names}
    columns = {
        n: np.log10(v) if v.min() > 0 and v.max() / v.min() > 10 else v for n, v in columns.items()
    }
    labels = [
        f"log10 {name}"
        if columns[name] is not None and not np.array_equal(columns[name], drawn[name].to_numpy())
        else name
        for name in names
    ]
    with styled():
        size = min(WIDTH_IN["row"], 1.3 * len(names)) if layout == "row" else WIDTH_IN["column"]
        figure = new_figure(width_in=size, height_in=size)
        grid = figure.subplots(len(names), len(names), squeeze=False)
        for row, below in enumerate(names):
            for column, left in enumerate(names):
                axes = grid[row, column]
                if column > row:
                    axes.set_visible(False)
                    continue
                if row == column:
                    axes.hist(columns[left], bins=30, color=BLUE, alpha=0.5)
                    axes.set_yticks([])
                else:
                    axes.plot(
                        columns[left],
                        columns[below],
                        ".",
                        color=BLUE,
                        markersize=1.2,
                        alpha=0.4,
                        rasterized=True,
                    )
                axes.tick_params(
                    labelsize=5.5,
                    labelbottom=row == len(names) - 1,
                    labelleft=column == 0 and row > 0,
                )
                axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
                if row == len(names) - 1:
                    axes.set_xlabel(labels[column], fontsize=6.5, color=INK)
                if column == 0 and row:
                    axes.set_ylabel(labels[row], fontsize=6.5, color=INK)
    return figure
