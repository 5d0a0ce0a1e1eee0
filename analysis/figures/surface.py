"""The fitted surface over N and D with the compute-optimal frontier and its band, beside it isoFLOP curves with their bracketed minima."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analysis.figures.style import GREY, INK, VERMILION, few_ticks, new_figure, styled
from analysis.fit import Fit
from analysis.frontier import Cost, frontier, iso_flops

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GRID = 40
_BUDGETS = 25
_CURVES = 7


def table(fitted: Fit, *, cost: Cost) -> pa.Table:
    """Roles: "surface" (n, d, loss), "run", "frontier" (n, d with n_low, n_high), "iso_curve" (budget, n, loss), "iso_minimum"."""
    n, d = fitted.points.axes["N"], fitted.points.axes["D"]
    spent = cost.flops(n, d)
    grid_n, grid_d = (part.ravel() for part in np.meshgrid(np.geomspace(n.min(), n.max(), _GRID), np.geomspace(d.min(), d.max(), _GRID)))
    rows = [_row("surface", n=a, d=b, loss=y) for a, b, y in zip(grid_n, grid_d, fitted.predict({"N": grid_n, "D": grid_d}), strict=True)]
    loss = np.exp(fitted.points.log_mean)
    rows += [_row("run", n=a, d=b, loss=y, budget=c) for a, b, y, c in zip(n, d, loss, spent, strict=True)]
    budgets = np.geomspace(spent.min(), spent.max(), _BUDGETS)
    found = frontier(fitted, budgets=budgets, cost=cost)
    for place, budget in enumerate(budgets):
        low, high = found.n_band95[:, place]
        rows.append(_row("frontier", n=found.n[place], d=found.d[place], n_low=low, n_high=high, budget=budget))
    minima = iso_flops(n, loss, spent)
    for minimum in minima:
        if minimum.n is not None:
            rows.append(_row("iso_minimum", n=minimum.n, loss=minimum.loss, budget=minimum.budget))
    for budget in np.geomspace(spent.min(), spent.max(), _CURVES + 2)[1:-1]:
        at = np.geomspace(n.min(), n.max(), _GRID)
        beside = (budget / cost.scale / at**cost.of_n) ** (1 / cost.of_d)
        inside = (beside >= d.min() / 2) & (beside <= d.max() * 2)
        curve = fitted.predict({"N": at[inside], "D": beside[inside]}) if inside.any() else np.empty(0)
        rows += [_row("iso_curve", n=a, d=b, loss=y, budget=budget) for a, b, y in zip(at[inside], beside[inside], curve, strict=True)]
    names = ("n", "d", "loss", "n_low", "n_high", "budget")
    return pa.Table.from_pylist(rows, schema=pa.schema([("role", pa.string()), *((name, pa.float64()) for name in names)]))


def _row(role: str, **values: float | None) -> dict[str, object]:
    return {"role": role} | {name: None if value is None else float(value) for name, value in values.items()}


def draw(drawn: pa.Table, layout: str = "row") -> "Figure":
    """Left the contours, right the isoFLOP curves."""
    import matplotlib

    rows = drawn.to_pylist()
    by_role = {role: [row for row in rows if row["role"] == role] for role in ("surface", "run", "frontier", "iso_curve", "iso_minimum")}
    with styled():
        figure = new_figure(width_in=8.6 if layout == "row" else 4.2, height_in=3.9 if layout == "row" else 7.4)
        left, right = figure.subplots(1, 2) if layout == "row" else figure.subplots(2, 1)
        n, d, loss = (np.array([row[key] for row in by_role["surface"]]).reshape(_GRID, _GRID) for key in ("n", "d", "loss"))
        levels = np.geomspace(loss.min(), loss.max(), 14)[1:-1]
        if (np.diff(levels) > 0).all():
            left.contour(n, d, loss, levels=levels, cmap="viridis_r", linewidths=0.8)
        left.plot([row["n"] for row in by_role["run"]], [row["d"] for row in by_role["run"]], ".", color=GREY, markersize=3)
        line = by_role["frontier"]
        left.fill_betweenx(
            [row["d"] for row in line], [row["n_low"] for row in line], [row["n_high"] for row in line], color=VERMILION, alpha=0.2
        )
        left.plot([row["n"] for row in line], [row["d"] for row in line], color=VERMILION)
        left.set_xlim(n.min(), n.max())
        left.set_ylim(d.min(), d.max())
        left.set_ylabel("D")
        left.set_title("contours of the loss, compute-optimal frontier", loc="left", fontsize=9)
        budgets = sorted({row["budget"] for row in by_role["iso_curve"]})
        for place, budget in enumerate(budgets):
            part = [row for row in by_role["iso_curve"] if row["budget"] == budget]
            colour = matplotlib.colormaps["viridis"](0.9 * place / max(len(budgets) - 1, 1))
            right.plot([row["n"] for row in part], [row["loss"] for row in part], color=colour, linewidth=1.2)
            right.text(part[-1]["n"], part[-1]["loss"], f" {budget:.0e}", color=colour, fontsize=6.5, va="center")
        right.plot([row["n"] for row in by_role["run"]], [row["loss"] for row in by_role["run"]], ".", color=GREY, markersize=3, alpha=0.6)
        minima = by_role["iso_minimum"]
        right.plot([row["n"] for row in minima], [row["loss"] for row in minima], "D", color=VERMILION, markersize=5, markeredgecolor=INK)
        right.set_ylabel("loss")
        right.set_title("isoFLOP curves; diamonds: bracketed minima, law-free", loc="left", fontsize=9)
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel("N")
            for side in (axes.xaxis, axes.yaxis):
                few_ticks(side)
    return figure
