"""Response against N at equal compute. Each budget shows its runs, the law's curve, the law-free
minimum and the law's own minimum.

Budgets are groups of runs with nearly equal FLOPs (analysis/design/frontier.py). A minimum that its
runs do not bracket is left out."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.design.frontier import Cost, frontier
from analysis.design.iso_flop import budget_groups, iso_flops
from analysis.figures.style import (
    INK,
    VERMILION,
    Layout,
    decade_ticks,
    few_ticks,
    halo,
    panels_of,
    styled,
)
from analysis.figures.tidy import columns, rows_of, schema_of
from analysis.fit.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEPS = 40
_LEAST_BUDGETS, _MOST_BUDGETS = 3, 9
SCHEMA = schema_of(text=("role", "response"), numbers=("budget", "n", "loss"))


def table(fitted: Fit, *, cost: Cost, response: str = "response") -> pa.Table:
    """Roles: "run", "curve" (the law at that budget), "minimum" (law-free), "optimum" (the law's);
    empty with fewer than three groups of runs."""
    n, d, loss = fitted.points.axes["N"], fitted.points.axes["D"], np.exp(fitted.points.log_mean)
    spent = cost.flops(n, d)
    groups = budget_groups(spent)
    if len(groups) < _LEAST_BUDGETS:
        return pa.Table.from_pylist([], schema=SCHEMA)
    chosen = sorted(
        {
            round(float(place))
            for place in np.linspace(0, len(groups) - 1, min(len(groups), _MOST_BUDGETS))
        }
    )
    minima = iso_flops(n, loss, spent)
    budgets = np.array([minima[place].budget for place in chosen])
    best = frontier(fitted, budgets=budgets, cost=cost)
    rows: list[dict[str, Any]] = []
    for row, place in enumerate(chosen):
        budget, group, least = minima[place].budget, groups[place], minima[place]
        runs = rows_of(n=n[group], loss=loss[group])
        rows += [{"role": "run", "budget": budget} | row for row in runs]
        at = np.geomspace(n[group].min() / 1.5, n[group].max() * 1.5, _STEPS)
        curve = fitted.predict(
            {"N": at, "D": (budget / cost.scale / at**cost.of_n) ** (1 / cost.of_d)}
        )
        rows += [{"role": "curve", "budget": budget} | row for row in rows_of(n=at, loss=curve)]
        if least.n is not None:
            rows.append({"role": "minimum", "budget": budget, "n": least.n, "loss": least.loss})
        lowest = float(fitted.predict({"N": best.n[row : row + 1], "D": best.d[row : row + 1]})[0])
        rows.append({"role": "optimum", "budget": budget, "n": float(best.n[row]), "loss": lowest})
    return pa.Table.from_pylist([row | {"response": response} for row in rows], schema=SCHEMA)


def draw(drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure":
    """One panel, with one colour per budget; small budgets are dark."""
    import matplotlib

    rows = drawn.to_pylist()
    budgets = sorted({row["budget"] for row in rows})
    with styled():
        panels = panels_of(1, layout=layout, most_across=1, height_in=3.1)
        axes = panels.axes[0]
        axes.set_xscale("log")
        axes.set_yscale("log")
        for place, budget in enumerate(budgets):
            colour = matplotlib.colormaps["viridis"](0.88 * place / max(len(budgets) - 1, 1))
            runs, curve = (
                [row for row in rows if (row["budget"], row["role"]) == (budget, role)]
                for role in ("run", "curve")
            )
            axes.plot(*columns(curve, "n", "loss"), color=colour, linewidth=1)
            axes.plot(
                *columns(runs, "n", "loss"),
                "o",
                color=colour,
                markersize=2.8,
                markeredgecolor="white",
                markeredgewidth=0.3,
            )
            axes.annotate(
                scientific(budget),
                (curve[-1]["n"], curve[-1]["loss"]),
                xytext=(2, 0),
                textcoords="offset points",
                fontsize=5.8,
                color=INK,
                va="center",
                path_effects=halo(),
            )
        for role, marker, paint, words in (
            ("optimum", "_", INK, "the law's minimum"),
            ("minimum", "D", VERMILION, "law-free minimum"),
        ):
            part = [row for row in rows if row["role"] == role]
            axes.plot(
                *columns(part, "n", "loss"),
                marker,
                color=paint,
                markersize=4 if marker == "D" else 9,
                markeredgecolor=INK,
                markeredgewidth=0.6 if marker == "D" else 1.6,
                zorder=5,
                label=words,
                linestyle="none",
            )
        axes.margins(x=0.12)
        few_ticks(axes.xaxis)
        decade_ticks(axes)
        axes.legend(loc="lower left")
        axes.set_xlabel("N")
        axes.set_ylabel(rows[0]["response"])
        axes.set_title("equal compute: FLOPs at the end of each curve", loc="left", fontsize=7)
    return panels.figure


def scientific(value: float) -> str:
    """Writes 4.2e18 as 4·10¹⁸."""
    digits, power = f"{value:.0e}".split("e")
    return f"{digits}·10" + str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
