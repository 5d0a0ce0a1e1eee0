"""Videos of the paper's evaluation files, and what its official protocol says of them."""

import numpy as np
import pyarrow as pa

from physscale.evaluate.motion.paper_protocol import paper_outcomes
from physscale.evaluate.motion.paper_scores import paper_scores
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.paper.grids import Motion, Values
from physscale.simulate.paper.sets import CLOCK, PaperSet, PartName
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

LAWS: tuple[Motion, ...] = ("uniform", "parabola", "collision")


PAPER = Canvas(size_px=256, style="paper")


SMALL = Canvas(size_px=64, style="paper")


STAYS = np.array([6])
"""A ball in view to the end."""


def paper_data(law: Motion, *, part: PartName, values: Values = "random") -> DataSpec:
    """The whole of one official file."""
    scenario = PaperSet(law=law, part=part, values=values)
    return DataSpec(
        scenario=scenario,
        videos=scenario.count,
        frames=CLOCK.frames,
        interval_s=CLOCK.interval_s,
        start_s=CLOCK.start_s,
        split="eval" if part == "eval" else "train",
    )


def rows(law: Motion, *, chosen: slice | np.ndarray | None = None) -> Videos:
    data = paper_data(law, part="eval")
    return simulate(data, indices=np.arange(data.videos)[slice(None) if chosen is None else chosen])


def scored(truth: Videos, *, canvas: Canvas) -> pa.Table:
    parts = [truth.take(slice(start, start + 32)) for start in range(0, len(truth), 32)]
    return pa.concat_tables([paper_outcomes(part, render(part, canvas=canvas)) for part in parts])


def value(outcomes: pa.Table, *, metric: str, group: str) -> float | None:
    return next(
        score.value
        for score in paper_scores(outcomes)
        if (score.metric, score.group) == (metric, group)
    )


def one(truth: Videos, pixels: np.ndarray) -> dict[str, object]:
    return paper_outcomes(truth, pixels).to_pylist()[0]
