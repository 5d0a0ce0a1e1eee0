"""Residuals of a fit: against every axis and against the fitted value, and their quantiles against
a normal distribution's."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analysis.figures.style import BLUE, GREY, Layout, few_ticks, panels_of, styled
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(fitted: Fit) -> pa.Table:
    """One row per configuration: its axes, fitted value, residual of log response, and the normal
    quantile of its rank."""
    from scipy.stats import norm

    size = len(fitted.residuals)
    rank = np.argsort(np.argsort(fitted.residuals))
    columns = dict(fitted.points.axes) | {"fitted": fitted.predict(fitted.points.axes)}
    return pa.table(
        columns
        | {
            "residual": fitted.residuals,
            "normal_quantile": norm.ppf((rank + 0.5) / size),
            "seeds": fitted.points.seeds,
        }
    )


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One panel per axis, one for the fitted value and one for the quantiles."""
    names = [
        name for name in drawn.column_names if name not in {"residual", "normal_quantile", "seeds"}
    ]
    residual, quantile = drawn["residual"].to_numpy(), drawn["normal_quantile"].to_numpy()
    with styled():
        panels = panels_of(
            len(names) + 1, layout=layout, most_across=4 if len(names) == 3 else 3, height_in=1.9
        )
        grid = panels.axes
        for axes, name in zip(grid, names, strict=False):
            axes.set_xscale("log")
            axes.plot(
                drawn[name].to_numpy(),
                residual,
                "o",
                color=BLUE,
                markersize=2.6,
                alpha=0.7,
                markeredgewidth=0,
            )
            axes.axhline(0, color=GREY, linewidth=0.8)
            few_ticks(axes.xaxis)
            axes.set_xlabel(name)
        grid[0].set_ylabel("residual of log response")
        scale = 1.4826 * float(np.median(np.abs(residual - np.median(residual)))) or 1.0
        grid[-1].plot(
            quantile,
            residual / scale,
            "o",
            color=BLUE,
            markersize=2.6,
            alpha=0.7,
            markeredgewidth=0,
        )
        grid[-1].plot([-3, 3], [-3, 3], color=GREY, linewidth=0.8)
        grid[-1].set_xlabel("normal quantile")
        grid[-1].set_ylabel("residual / robust sd")
    return panels.figure
