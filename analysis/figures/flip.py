"""The flip: how often the generated ball moves the other way, against its true speed, with and
without mirrored training videos.

Intervals are Wilson's, over the videos of a bin.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.data.study import Study, StudyRun
from analysis.figures.style import (
    BLUE,
    GREEN,
    SOFT,
    VERMILION,
    WIDTH_IN,
    Layout,
    new_figure,
    styled,
)
from analysis.figures.tidy import columns, schema_of
from physscale.records.rate import wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUMBERS = ("speed_low_m_s", "speed_high_m_s", "share", "low", "high")
SCHEMA = pa.schema(
    [
        *schema_of(text=("role", "series"), numbers=_NUMBERS),
        *schema_of(counts=("reversed", "videos")),
    ]
)
_BINS = 8
_COLOURS = (VERMILION, GREEN)


def table(study: Study, *, runs: dict[str, StudyRun]) -> pa.Table:
    """Share of reversed motion in bins of true speed with equal counts, one series per run. Rows of
    role "band" are trained speeds."""
    rows: list[dict[str, object]] = []
    for series, run in runs.items():
        for low, high in run.trained_speeds:
            words = {"role": "band", "series": series}
            rows.append({**words, "speed_low_m_s": low, "speed_high_m_s": high})
        found = study.outcome_columns(run.fingerprint)
        speed = np.asarray(found["true_speed_m_s"], dtype=float)
        seen = np.array([value is not None for value in found["reversed"]], bool) & np.isfinite(
            np.asarray(found["speed_m_s"], dtype=float)
        )
        trained = run.trained_speeds
        inside = np.any(
            [(speed >= low) & (speed <= high) for low, high in trained]
            or [np.zeros(len(speed), bool)],
            axis=0,
        )
        for part, bins in ((seen & ~inside, _BINS), (seen & inside, 2)):
            for chunk in np.array_split(
                np.flatnonzero(part)[np.argsort(speed[part], kind="stable")], bins
            ):
                if len(chunk):
                    turned = sum(bool(found["reversed"][place]) for place in chunk)
                    share = wilson(turned, of=len(chunk))
                    rows.append(
                        {
                            "role": "bin",
                            "series": series,
                            "speed_low_m_s": float(speed[chunk].min()),
                            "speed_high_m_s": float(speed[chunk].max()),
                            "share": share.value,
                            "low": share.low,
                            "high": share.high,
                            "reversed": turned,
                            "videos": len(chunk),
                        }
                    )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def draw(drawn: pa.Table, *, layout: Layout = "row") -> "Figure":
    """One panel with one curve per series, named above it."""
    rows = drawn.to_pylist()
    series = list(dict.fromkeys(row["series"] for row in rows if row["role"] == "bin"))
    with styled():
        figure = new_figure(width_in=4.8 if layout == "row" else WIDTH_IN["column"], height_in=2.9)
        axes = figure.subplots()
        for low, high in dict.fromkeys(
            (row["speed_low_m_s"], row["speed_high_m_s"]) for row in rows if row["role"] == "band"
        ):
            axes.axvspan(low, high, color=BLUE, alpha=0.10, linewidth=0)
            axes.text(
                (low + high) / 2,
                0.97,
                "trained speeds",
                transform=axes.get_xaxis_transform(),
                fontsize=6.2,
                color=BLUE,
                ha="center",
                va="top",
            )
        for position, name in enumerate(series):
            part = [row for row in rows if row["role"] == "bin" and row["series"] == name]
            at = (
                np.array([(row["speed_low_m_s"] + row["speed_high_m_s"]) / 2 for row in part])
                + (position - 0.5) * 0.03
            )
            colour = _COLOURS[position % len(_COLOURS)]
            axes.vlines(at, *columns(part, "low", "high"), color=colour, linewidth=1.1, alpha=0.7)
            axes.plot(
                at,
                [row["share"] for row in part],
                "o-",
                color=colour,
                markersize=5,
                markeredgecolor="white",
                linewidth=1.3,
            )
            place: dict[str, Any] = {
                "xy": (0, 1),
                "xycoords": "axes fraction",
                "textcoords": "offset points",
                "va": "bottom",
                "annotation_clip": False,
            }
            axes.annotate(
                name,
                xytext=(
                    130 * position if layout == "row" else 0,
                    4 + (0 if layout == "row" else 9 * position),
                ),
                fontsize=7,
                color=colour,
                fontweight="bold",
                **place,
            )
        axes.axhline(0, color=SOFT, linewidth=0.8)
        axes.set_ylim(
            -0.03, max(0.55, 1.12 * max(row["high"] for row in rows if row["role"] == "bin"))
        )
        axes.set_xlim(left=min(-0.05, min(row["speed_low_m_s"] for row in rows) - 0.05))
        axes.set_xlabel("true speed (m/s)")
        axes.set_ylabel("share of balls that move the other way")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_title("The flip", loc="left", fontweight="bold", pad=15 if layout == "row" else 25)
    return figure
