"""Which rules the videos of a run break: shares by rule and split (Wilson intervals), beside those
of the true frames, plain and after the codec."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analysis.figures.style import GREY, INK, KIND_COLOURS, Layout, panels_of, split_words, styled
from analysis.figures.tidy import schema_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TEXT, _NUMBERS = ("run", "split", "kind", "rule", "source"), ("value", "low", "high")
SCHEMA = pa.schema([*schema_of(text=_TEXT, numbers=_NUMBERS), ("count", pa.int64())])
ANY = "any rule"
_PREFIX, _ALL = "abnormal_", "abnormal_rate"
_MARKERS = ("o", "s", "D", "^", "v", "P")
_MARKS = {"truth": "|", "codec": "x"}
_ROW_IN = 0.19


def table(rows: Sequence[dict[str, Any]], *, labels: dict[str, str]) -> pa.Table:
    """The abnormal rates among score rows. `labels` maps a fingerprint to its name. Rules that no
    model broke are left out; the most broken come first."""
    rates = [row for row in rows if row["metric"].startswith(_PREFIX)]
    most = {row["metric"]: 0.0 for row in rates}
    for row in rates:
        most[row["metric"]] = max(
            most[row["metric"]], row["value"] if row["source"] == "model" else 0.0
        )
    broken = sorted(
        (metric for metric in most if most[metric] > 0 or metric == _ALL),
        key=lambda metric: (metric != _ALL, -most[metric]),
    )
    found = []
    for metric in broken:
        rule = ANY if metric == _ALL else metric.removeprefix(_PREFIX)
        for row in rates:
            if row["metric"] == metric:
                kept = {key: row[key] for key in SCHEMA.names if key in row}
                found.append(kept | {"run": labels[row["run"]], "rule": rule})
    return pa.Table.from_pylist(found, schema=SCHEMA)


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One panel per run and one line per rule. Each split has a bar with its interval; marks show
    the true frames, plain and after the codec."""
    rows = drawn.to_pylist()
    runs, rules = (list(dict.fromkeys(row[key] for row in rows)) for key in ("run", "rule"))
    splits = {
        run: list(dict.fromkeys(row["split"] for row in rows if row["run"] == run)) for run in runs
    }
    most = max(len(found) for found in splits.values())
    with styled():
        panels = panels_of(
            len(runs),
            layout=layout,
            most_across=2,
            height_in=0.8 + _ROW_IN * len(rules) * max(most / 2, 1.0),
        )
        for place, (axes, run) in enumerate(zip(panels.axes, runs, strict=True)):
            _panel(
                axes, [row for row in rows if row["run"] == run], rules=rules, splits=splits[run]
            )
            axes.set_title(run)
            if place >= len(runs) - (2 if layout == "row" else 1):
                axes.set_xlabel("share of videos")
    return panels.figure


def _panel(
    axes: "Axes", rows: list[dict[str, Any]], *, rules: list[str], splits: list[str]
) -> None:
    thick = 0.8 / len(splits)
    for row in rows:
        number = splits.index(row["split"])
        height = len(rules) - 1 - rules.index(row["rule"]) + 0.4 - (number + 0.5) * thick
        if row["source"] in _MARKS:
            axes.plot(
                [row["value"]],
                [height],
                _MARKS[row["source"]],
                color=INK,
                markersize=5,
                zorder=6,
                clip_on=False,
            )
            continue
        colour = KIND_COLOURS.get(row["kind"], GREY)
        axes.barh(
            [height], [row["value"]], height=0.86 * thick, color=colour, alpha=0.32, linewidth=0
        )
        axes.plot(
            [row["low"], row["high"]],
            [height, height],
            color=colour,
            linewidth=1.3,
            solid_capstyle="butt",
            zorder=4,
        )
        axes.plot(
            [row["value"]],
            [height],
            _MARKERS[number % len(_MARKERS)],
            color=colour,
            markersize=3.4,
            zorder=5,
            clip_on=False,
        )
    for rule in set(rules) - {row["rule"] for row in rows}:
        axes.text(
            0.012,
            len(rules) - 1 - rules.index(rule),
            "not asked here",
            color=GREY,
            fontsize=6.2,
            va="center",
        )
    kinds = {row["split"]: row["kind"] for row in rows}
    handles = [
        axes.plot(
            [],
            [],
            _MARKERS[n % len(_MARKERS)],
            color=KIND_COLOURS.get(kinds[split], GREY),
            label=split_words(split),
            markersize=4,
        )[0]
        for n, split in enumerate(splits)
    ]
    for source, words in (("truth", "true frames"), ("codec", "true, after the codec")):
        handles.append(axes.plot([], [], _MARKS[source], color=INK, label=words, markersize=6)[0])
    axes.legend(
        handles=handles,
        loc="lower right",
        fontsize=6.2,
        frameon=True,
        framealpha=0.8,
        edgecolor="none",
    )
    axes.set_yticks(range(len(rules)), rules[::-1])
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(-0.6, len(rules) - 0.4)
    axes.grid(visible=False, axis="y")
