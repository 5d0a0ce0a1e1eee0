"""Videos that are known to be true or abnormal: a cell's true rows and their frames, frames with
noise, another possible future, and corrupted videos.

True videos are rendered without noise, and again with the noise of a codec (σ = `NOISE` of 255).
Free discs also come with sizes and speeds that no run is trained on, PHYRE also as
`another_future`. `GROUPS` lists all corruptions by the role that they had: the rules were written
on them, corrected on them, or never saw them."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from physscale.evaluate.calibration.corruption import Corruption, drawn
from physscale.evaluate.calibration.corruptions_development import DEVELOPMENT
from physscale.evaluate.calibration.corruptions_development_2 import DEVELOPMENT_2
from physscale.evaluate.calibration.corruptions_held_out import HELD_OUT
from physscale.evaluate.calibration.corruptions_held_out_2 import HELD_OUT_2
from physscale.evaluate.calibration.corruptions_paper import CORRUPTIONS
from physscale.records.video import BODY, VELOCITY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.phyre.rollout import rollout
from physscale.simulate.phyre.scenario import Phyre, phyre_data
from physscale.simulate.phyre.templates import SIXTY
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec, kind_of

NOISE = 4.0
FRAMES = 32
LAWS = ("uniform", "collision", "parabola", "composition")
PUSH_M_S = 0.03
"""Deviation of the speeds with which PHYRE's engine makes another future: a centimetre by the next
frame; chaos does the rest."""

Ranges = Literal["trained", "unseen"]
SIZES_M = ((0.3, 0.6), (1.5, 2.0))
SLOW_OR_FAST_M_S = ((0.0, 0.8), (4.5, 6.0))
FAST_M_S = ((4.5, 6.0),)
UNSEEN: dict[str, dict[str, Any]] = {
    "uniform": {"radius_m": SIZES_M, "speed_m_s": SLOW_OR_FAST_M_S},
    "parabola": {"radius_m": SIZES_M, "speed_m_s": SLOW_OR_FAST_M_S},
    "collision": {
        "left_radius_m": SIZES_M,
        "right_radius_m": SIZES_M,
        "left_speed_m_s": FAST_M_S,
        "right_speed_m_s": FAST_M_S,
    },
}
"""What the studies test out of distribution, all at once."""

ALL_DEVELOPMENT = {**DEVELOPMENT, **DEVELOPMENT_2}
GROUPS: dict[str, dict[str, Corruption]] = {
    "the paper's kinds": CORRUPTIONS,
    "further kinds": ALL_DEVELOPMENT,
    "held out before": HELD_OUT,
    "held out": HELD_OUT_2,
}
ALL_WRONG = {kind: corrupt for kinds in GROUPS.values() for kind, corrupt in kinds.items()}


@dataclass(frozen=True)
class Cell:
    """A scenario at a frame size. PHYRE's frames have hard edges, as its own frames do."""

    scenario: str
    size_px: int

    @property
    def physics(self) -> str:
        return kind_of(self.scenario).physics

    @property
    def name(self) -> str:
        return f"{self.scenario} {self.size_px}"


CELLS = (*(Cell(law, size) for size in (32, 128) for law in LAWS), Cell("phyre", 128))


def ranges_of(cell: Cell) -> tuple[Ranges, ...]:
    """Trained and unseen ranges; PHYRE and composition have no unseen ones."""
    return ("trained", "unseen") if cell.scenario in UNSEEN else ("trained",)


def true_rows(cell: Cell, *, start: int, stop: int, ranges: Ranges = "trained") -> Videos:
    """Rows without frames. No two row numbers give the same row."""
    if cell.physics == "phyre":
        scenes = Phyre(templates=SIXTY, seed=1)
        numbers = np.random.Generator(np.random.Philox(key=7)).permutation(scenes.count)[start:stop]
        return simulate(phyre_data(scenes), indices=np.sort(numbers))
    scenario = type(scenario_named(cell.scenario))(
        **(UNSEEN[cell.scenario] if ranges == "unseen" else {})
    )
    data = DataSpec(scenario=scenario, videos=stop, frames=FRAMES, seed=7, draw="held_out")
    return simulate(data, indices=np.arange(start, stop))


def canvas(cell: Cell) -> Canvas:
    """The canvas of the cell's frames."""
    return Canvas(size_px=cell.size_px, style="hard" if cell.physics == "phyre" else "exact")


def noisy(videos: Videos) -> Videos:
    """The videos with the noise of a codec."""
    rng = np.random.Generator(np.random.Philox(key=int(videos.index[0]) + 1))
    noise = rng.normal(0.0, NOISE, videos.frames.shape).astype(np.float32)
    return videos.with_pixels(np.clip(videos.frames + noise, 0, 255).round().astype(np.uint8))


def another_future(videos: Videos, *, cell: Cell) -> Videos:
    """Frames of another future of the same first frame: no body starts quite at rest.

    The rows keep their own states, as the rows of generated videos do.
    """
    shown = []
    for row in range(len(videos)):
        start = videos.state[row, 0].astype(np.float64)
        moving = videos.body[row, :, BODY.index("mass_kg")] > 0
        rng = np.random.Generator(np.random.Philox(key=int(videos.index[row])))
        start[moving, VELOCITY] += rng.normal(0.0, PUSH_M_S, (int(moving.sum()), 2))
        shown.append(
            rollout(videos.body[row], start=start, time_s=videos.time_s[row]).astype(np.float32)
        )
    return videos.with_pixels(render(replace(videos, state=np.stack(shown)), canvas=canvas(cell)))


def corrupted(videos: Videos, *, corrupt: Corruption, cell: Cell) -> Videos | None:
    """The rows that can be corrupted visibly, with corrupted frames; None if there is none."""
    frames, rows = [], []
    for row in range(len(videos)):
        rng = np.random.Generator(np.random.Philox(key=int(videos.index[row])))
        altered = corrupt(videos, row, rng)
        if altered is not None:
            rows.append(row)
            frames.append(drawn(altered, canvas=canvas(cell)))
    return videos.take(np.array(rows)).with_pixels(np.stack(frames)) if rows else None
