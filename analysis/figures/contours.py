"""The fitted surface over N and D: contours of the response, the compute-optimal frontier with its
95 % band, the runs it rests on."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.design.frontier import Cost, frontier
from analysis.figures.style import GREY, INK, VERMILION, Layout, few_ticks, halo, panels_of, styled
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GRID = 40
_BUDGETS = 25
_NAMES = ("n", "d", "loss", "n_low", "n_high", "budget")
SCHEMA = pa.schema(
    [("role", pa.string()), ("response", pa.string()), *((name, pa.float64()) for name in _NAMES)]
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
    rows = [
        _row("surface", n=a, d=b, loss=y)
        for a, b, y in zip(grid_n, grid_d, fitted.predict({"N": grid_n, "D": grid_d}), strict=True)
    ]
    rows += [
        _row("run", n=a, d=b, loss=y, budget=c)
        for a, b, y, c in zip(n, d, np.exp(fitted.points.log_mean), spent, strict=True)
    ]
    found = frontier(fitted, budgets=np.geomspace(spent.min(), spent.max(), _BUDGETS), cost=cost)
    for place, budget in enumerate(found.budgets):
        low, high = found.n_band95[:, place]
        rows.append(
            _row(
                "frontier",
                n=found.n[place],
                d=found.d[place],
                n_low=low,
                n_high=high,
                budget=budget,
            )
        )
    return pa.Table.from_pylist([row | {"response": response} for row in rows], schema=SCHEMA)


def _row(role: str, **values: float) -> dict[str, object]:
    return {"role": role} | {name: float(value) for name, value in values.items()}


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
        axes.plot(
            [row["n"] for row in runs], [row["d"] for row in runs], ".", color=GREY, markersize=2.4
        )
        low, high = ([row[end] for row in line] for end in ("n_low", "n_high"))
        axes.fill_betweenx(
            [row["d"] for row in line], low, high, color=VERMILION, alpha=0.25, linewidth=0
        )
        axes.plot([row["n"] for row in line], [row["d"] for row in line], color=VERMILION)
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
