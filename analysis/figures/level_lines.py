"""Floors and baselines as horizontal lines, and labels beside lines that do not overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.style import GREY, SOFT, halo, pitch_in

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LETTER_IN, _LETTER_TALL_IN = 0.046, 0.09


def heights_of(axes: "Axes", y: Sequence[float]) -> list[float]:
    """Where values lie on a logarithmic y axis: 0 is its foot, 1 its top."""
    low, high = axes.get_ylim()
    return [float(np.log(value / low) / np.log(high / low)) for value in y]


def apart(heights: Sequence[float], *, least: float) -> list[float]:
    """Heights of labels, moved so that neighbours are `least` apart. Their order stays, and their
    middle where there is room."""
    order = np.argsort(heights, kind="stable")
    found = np.asarray(heights, dtype=float)[order]
    groups: list[tuple[float, int]] = []
    for height in found:
        middle, count = float(height), 1
        while groups and middle - groups[-1][0] < least * (count + groups[-1][1]) / 2:
            other, more = groups.pop()
            middle, count = (middle * count + other * more) / (count + more), count + more
        groups.append((middle, count))
    placed = np.concatenate(
        [np.empty(0)]
        + [middle + least * (np.arange(count) - (count - 1) / 2) for middle, count in groups]
    )
    return [float(placed[place]) for place in np.argsort(order)]


def draw_levels(axes: "Axes", rows: list[dict[str, Any]]) -> None:
    """Floors and baselines as horizontal lines. Each is named where the panel is emptiest: left or
    right, above or below its line."""
    low, high = axes.get_ylim()
    inside = [row for row in rows if row["role"] in {"floor", "baseline"} and low < row["y"] < high]
    points = np.array(
        [(row["x"], row["y"]) for row in rows if row["role"] in {"seed", "law", "mean"}],
        dtype=float,
    )
    at = axes.transAxes.inverted().transform(axes.transData.transform(points))
    heights = heights_of(axes, [row["y"] for row in inside])
    wide_in, high_in = pitch_in(axes) - 0.5, 1.6
    taken: list[_Box] = []
    for row, height in zip(inside, heights, strict=True):
        axes.axhline(
            row["y"],
            color=GREY,
            linewidth=0.9,
            linestyle=":" if row["role"] == "floor" else (0, (5, 3)),
            zorder=1,
        )
        width, tall = len(row["series"]) * _LETTER_IN / wide_in, _LETTER_TALL_IN / high_in
        boxes = [
            _Box(left, bottom, width, tall)
            for bottom in (height + 0.006, height - 0.012 - tall)
            for left in (0.99 - width, 0.01)
        ]
        best = min(boxes, key=lambda box: _crowd(box, marks=at, lines=heights, words=taken))
        taken.append(best)
        side, x = ("left", 0.01) if best.left < 0.02 else ("right", 0.99)
        axes.text(
            x,
            best.bottom,
            row["series"],
            transform=axes.transAxes,
            fontsize=5.8,
            color=SOFT,
            ha=side,
            va="bottom",
            path_effects=halo(),
        )


@dataclass(frozen=True)
class _Box:
    """A place for a label, in fractions of the panel."""

    left: float
    bottom: float
    width: float
    tall: float


def _crowd(box: _Box, *, marks: np.ndarray, lines: Sequence[float], words: Sequence[_Box]) -> float:
    """How much is already drawn there: points, lines and, weighted most, other labels or the edge
    of the panel."""
    right, top = box.left + box.width, box.bottom + box.tall
    beside = (marks[:, 0] > box.left - 0.03) & (marks[:, 0] < right + 0.03)
    points = float(np.sum(beside & (marks[:, 1] > box.bottom - 0.02) & (marks[:, 1] < top + 0.02)))
    crossed = sum(box.bottom - 0.005 < line < top for line in lines)
    hidden = sum(
        abs(box.bottom - word.bottom) < box.tall
        and box.left < word.left + word.width
        and word.left < right
        for word in words
    )
    return points + 30 * crossed + 100 * (hidden + (box.bottom < 0) + (top > 1))
