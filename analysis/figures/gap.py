"""The velocity gap: generated speed against true speed, with a band of speeds left out of training.

The law is the diagonal. A model that learned cases instead draws the nearest trained speed, and its
points gather beside the shaded bands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.data.study import Study, StudyRun
from analysis.figures.style import (
    BLUE,
    GREY,
    INK,
    SOFT,
    VERMILION,
    WIDTH_IN,
    Layout,
    halo,
    new_figure,
    styled,
)
from analysis.figures.tidy import columns, schema_of
from physscale.records.rate import Rate, wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SPEEDS = ("true_speed_m_s", "speed_m_s")
SCHEMA = pa.schema([*schema_of(text=("role",), numbers=_SPEEDS), ("trained", pa.bool_())])
NEAR_M_S = 0.25


def table(study: Study, *, runs: Sequence[StudyRun]) -> pa.Table:
    """Points of all runs. Rows of role "band" hold a trained range in (true_speed_m_s,
    speed_m_s)."""
    rows = [
        {"role": "band", "true_speed_m_s": low, "speed_m_s": high, "trained": True}
        for low, high in runs[0].trained_speeds
    ]
    for run in runs:
        found = study.outcome_columns(run.fingerprint)
        for true, drawn in zip(found["true_speed_m_s"], found["speed_m_s"], strict=True):
            if drawn is not None and np.isfinite(drawn):
                inside = any(low <= true <= high for low, high in run.trained_speeds)
                speeds = {"true_speed_m_s": float(true), "speed_m_s": float(drawn)}
                rows.append({"role": "video", "trained": inside} | speeds)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def snapped(drawn: pa.Table) -> tuple[Rate, Rate] | None:
    """The shares drawn within 0.25 m/s of a trained band, by the model and by the law (0), among
    videos between two bands and more than 0.25 m/s from both.

    None if there is no such video."""
    bands, far = _bands(drawn), []
    lowest, highest = min(high for _, high in bands), max(low for low, _ in bands)
    for row in _videos(drawn):
        true = row["true_speed_m_s"]
        if lowest < true < highest and _distance(true, bands) > NEAR_M_S:
            far.append(_distance(abs(row["speed_m_s"]), bands) <= NEAR_M_S)
    if not far:
        return None
    return wilson(sum(far), of=len(far)), wilson(0, of=len(far))


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One panel. Only its size differs between the layouts."""
    rows, bands = _videos(drawn), _bands(drawn)
    every = np.array([(row["true_speed_m_s"], row["speed_m_s"]) for row in rows])
    low, high = min(0.0, float(every.min())) - 0.1, float(every.max()) + 0.25
    with styled():
        figure = new_figure(width_in=4.0 if layout == "row" else WIDTH_IN["column"], height_in=3.4)
        axes = figure.subplots()
        for start, end in bands:
            axes.axvspan(start, end, color=BLUE, alpha=0.13, linewidth=0)
            axes.axhspan(start, end, color=BLUE, alpha=0.13, linewidth=0)
        axes.plot([0, high], [0, high], color=GREY, linewidth=1, linestyle=(0, (5, 3)))
        for trained, colour in ((True, BLUE), (False, VERMILION)):
            axes.plot(
                *columns([row for row in rows if row["trained"] is trained], *_SPEEDS),
                "o",
                markersize=4.2,
                color=colour,
                alpha=0.8,
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
        axes.set_xlim(float(every[:, 0].min()) - 0.25, float(every[:, 0].max()) + 0.25)
        axes.set_ylim(low, high)
        edge = axes.get_xlim()[1]
        axes.text(
            edge * 0.985,
            edge * 0.985 + 0.1,
            "the law",
            color=SOFT,
            fontsize=6.5,
            ha="right",
            va="bottom",
            path_effects=halo(),
        )
        for position, (start, end) in enumerate(bands):
            axes.text(
                (start + end) / 2,
                low + 0.05,
                "trained",
                fontsize=6.2,
                color=BLUE,
                ha="center",
                va="bottom",
                rotation=90,
            )
            if position == 0 and len(bands) > 1:
                axes.text(
                    (end + bands[1][0]) / 2,
                    low + 0.05,
                    "never seen",
                    fontsize=6.5,
                    color=VERMILION,
                    ha="center",
                    va="bottom",
                )
        axes.set_xlabel("true speed (m/s)")
        axes.set_ylabel("generated speed (m/s)")
        axes.set_title("The gap in speed", loc="left", fontweight="bold", color=INK)
    return figure


def _videos(drawn: pa.Table) -> list[dict[str, Any]]:
    return [row for row in drawn.to_pylist() if row["role"] == "video"]


def _bands(drawn: pa.Table) -> list[tuple[float, float]]:
    return [
        (row["true_speed_m_s"], row["speed_m_s"])
        for row in drawn.to_pylist()
        if row["role"] == "band"
    ]


def _distance(speed: float, bands: list[tuple[float, float]]) -> float:
    return min(max(low - speed, speed - high, 0.0) for low, high in bands)
