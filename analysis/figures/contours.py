"""The fitted surface over N and D: contours of the response, the compute-optimal frontier with its
95 % band, and the runs behind it."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.design.exponent import estimates
from analysis.design.frontier import Cost
from analysis.figures.style import GREY, INK, VERMILION, Layout, few_ticks, halo, panels_of, styled
from analysis.figures.tidy import columns, rows_of, schema_of
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GRID = 40
_BUDGETS = 25
SCHEMA = schema_of(
    text=("role", "response"), numbers=("n", "d", "loss", "n_low", "n_high", "budget")
)


def table(fitted: Fit, *, cost: Cost, response: str = "response") -> pa.Table:
    """Roles: "surface" (n, d, loss), "run" (n, d, loss, budget), "frontier" (n, d, n_low, n_high,
    budget)."""
    n, d = fitted.points.axes["N"], fitted.points.axes["D"]
    spent = cost.flops(n, d)
    grid_n, grid_d = (
        part.ravel()
        for part in np.meshgrid(
            np.geomspace(n.min(), n.max(), _GRID), np.geomspace(d.min(), d.max(), _GRID)
        )
    )
    surface = fitted.predict({"N": grid_n, "D": grid_d})
    loss = np.exp(fitted.points.log_mean)
    budgets = np.geomspace(spent.min(), spent.max(), _BUDGETS)
    found = estimates(fitted, n=n, loss=loss, flops=spent, budgets=budgets, cost=cost).optimum
    low, high = found.n_band95
    parts = {
        "surface": rows_of(n=grid_n, d=grid_d, loss=surface),
        "run": rows_of(n=n, d=d, loss=loss, budget=spent),
        "frontier": rows_of(n=found.n, d=found.d, n_low=low, n_high=high, budget=found.budgets),
    }
    rows = [
        row | {"role": role, "response": response} for role, part in parts.items() for row in part
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """One panel."""
    rows = drawn.to_pylist()
    runs, line = ([row for row in rows if row["role"] == role] for role in ("run", "frontier"))
    with styled():
        panels = panels_of(1, layout=layout, most_across=1, height_in=3.1)
        axes = panels.axes[0]
        axes.set_xscale("log")
        axes.set_yscale("log")
        _contours(axes, [row for row in rows if row["role"] == "surface"])
        axes.plot(*columns(runs, "n", "d"), ".", color=GREY, markersize=2.4)
        low, high = ([row[end] for row in line] for end in ("n_low", "n_high"))
        axes.fill_betweenx(
            [row["d"] for row in line], low, high, color=VERMILION, alpha=0.25, linewidth=0
        )
        axes.plot(*columns(line, "n", "d"), color=VERMILION)
        for side in (axes.xaxis, axes.yaxis):
            few_ticks(side)
        axes.set_xlabel("N")
        axes.set_ylabel("D")
        axes.set_title(
            f"{rows[0]['response']}: contours, runs, compute-optimal frontier (95 %)",
            loc="left",
            fontsize=6.5,
        )
    return panels.figure


def _contours(axes: "Axes", rows: list[dict[str, Any]]) -> None:
    n, d, loss = (
        np.array([row[key] for row in rows]).reshape(_GRID, _GRID) for key in ("n", "d", "loss")
    )
    levels = np.geomspace(loss.min(), loss.max(), 14)[1:-1]
    if (np.diff(levels) > 0).all():
        lines = axes.contour(n, d, loss, levels=levels, cmap="viridis_r", linewidths=0.7)
        for label in axes.clabel(
            lines, levels=levels[::2], fmt=lambda value: f"{value:.3g}", fontsize=5.5, colors=INK
        ):
            label.set_path_effects(halo())
    axes.set_xlim(n.min(), n.max())
    axes.set_ylim(d.min(), d.max())
