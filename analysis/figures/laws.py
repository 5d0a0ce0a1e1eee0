"""The other physical laws (collision, parabola ...): the model's error on every split beside simple
baselines, on a logarithmic axis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analysis.data.study import Study, StudyRun
from analysis.figures.style import (
    GREY,
    INK,
    KIND_COLOURS,
    SOFT,
    SOURCE_WORDS,
    Layout,
    panels_of,
    split_words,
    styled,
)
from analysis.figures.tidy import schema_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCHEMA = schema_of(
    text=("group", "split", "kind", "metric", "label", "source"),
    numbers=("value", "low", "high", "vanished"),
)
_MARKERS = {"codec": "|", "extrapolate": "D", "nearest": "s", "clamp": "^", "mean_speed": "v"}


def table(study: Study, *, runs: Sequence[tuple[str, StudyRun]], metric: str) -> pa.Table:
    """Scores of the runs (group, run) on their splits, with intervals. `vanished` is the share of
    frames without the ball."""
    rows = []
    for group, run in runs:
        for split, kind in study.splits(run).items():
            gone = study.score(run, split=split, metric="vanish_rate")
            for source in ("model", *_MARKERS):
                found = study.score(run, split=split, metric=metric, source=source)
                if found is not None and found["value"] > 0:
                    numbers = {key: found[key] for key in ("value", "low", "high")}
                    words = {
                        "group": group,
                        "split": split,
                        "kind": kind,
                        "metric": metric,
                        "label": study.metric(metric).label,
                        "source": source,
                    }
                    vanished = gone["value"] if gone and source == "model" else None
                    rows.append(words | numbers | {"vanished": vanished})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One panel per group, one row per split: the model as a bar with its interval, baselines as
    marks."""
    rows = drawn.to_pylist()
    groups = list(dict.fromkeys(row["group"] for row in rows))
    with styled():
        panels = panels_of(len(groups), layout=layout, most_across=2, height_in=2.3)
        figure, grid = panels.figure, panels.axes
        for axes, group in zip(grid, groups, strict=True):
            _draw_group(
                axes,
                [row for row in rows if row["group"] == group],
                least=min(row["value"] for row in rows) / 1.8,
            )
        used = list(dict.fromkeys(row["source"] for row in rows if row["source"] != "model"))
        handles = [
            grid[0].plot(
                [], [], _MARKERS[name], color=GREY, markersize=5, label=SOURCE_WORDS.get(name, name)
            )[0]
            for name in used
        ]
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=len(used) if layout == "row" else 2,
            fontsize=6.2,
        )
    return figure


def _draw_group(axes: "Axes", rows: list[dict[str, Any]], *, least: float) -> None:
    splits = list(dict.fromkeys(str(row["split"]) for row in rows))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter("")
    for row in rows:
        height = len(splits) - 1 - splits.index(str(row["split"]))
        value = float(str(row["value"]))
        if row["source"] != "model":
            axes.plot(
                [value],
                [height],
                _MARKERS[str(row["source"])],
                color=GREY,
                markersize=11 if row["source"] == "codec" else 5,
                zorder=3,
            )
            continue
        colour = KIND_COLOURS.get(str(row["kind"]), GREY)
        axes.barh(
            [height],
            [value - least],
            left=least,
            height=0.36,
            color=colour,
            alpha=0.30,
            linewidth=0,
        )
        if row["low"] is not None and row["high"] is not None:
            axes.plot(
                [row["low"], row["high"]],
                [height, height],
                color=colour,
                linewidth=2.2,
                solid_capstyle="butt",
                zorder=4,
            )
        axes.plot(
            [value], [height], "o", color=colour, markersize=7, markeredgecolor="white", zorder=5
        )
        gone = row["vanished"]
        words = f"{value:.3g}" + (
            f"   ({gone:.0%} of frames without a ball)"
            if isinstance(gone, float) and gone > 0.005
            else ""
        )
        axes.text(
            value,
            height + 0.24,
            words,
            color=colour,
            fontsize=6.2,
            ha="center" if "(" not in words else "right",
            va="bottom",
        )
    axes.set_yticks(
        range(len(splits)),
        [split_words(split) for split in reversed(splits)],
        fontsize=7,
        color=INK,
    )
    axes.set_ylim(-0.55, len(splits) - 0.3)
    axes.set_xlim(left=least)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(str(rows[0]["label"]), color=SOFT)
    axes.set_title(str(rows[0]["group"]).capitalize(), loc="left", fontweight="bold")
