"""The official data sets row by row: training sets of 30K, 300K and 3M, and the published evaluation files (arXiv 2411.02385).

Not drawn but listed: row i is scene i of the official generator, positions and dropped scenes included (`simulate.paper`). Its repeated
positions (seed 42 anew for every 1,000 scenes) and its evaluation corners that are also training values are kept; a study of one's own
takes the scenarios that draw.
"""

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from physscale.records.errors import UserError
from physscale.records.scene import Body, Scene
from physscale.simulate.paper.grids import Law, Values, evaluation_set, names, training_set
from physscale.simulate.paper.starts import FRAME_S, FRAMES, replay
from physscale.simulate.scenarios.collision import BLUE
from physscale.simulate.scenarios.still import ANYWHERE, StillBody, StillDiscs
from physscale.simulate.scenarios.uniform import RED
from physscale.simulate.spec import DataSpec

GRAVITY_M_S2 = 2.5
FIRST_FRAME_S = 0.01
"""The official files store the state after the first of ten solver steps of 0.01 s."""

PartName = Literal["30K", "300K", "3M", "eval"]


@dataclass(frozen=True, kw_only=True)
class PaperSet:
    """One official file. `values` is for training sets of one ball: `random` is what was published, `grid` what the code now makes."""

    name: ClassVar[str] = "paper"

    law: Law = "uniform"
    part: PartName = "eval"
    values: Values = "random"

    def __post_init__(self) -> None:
        if self.law == "collision" and self.values == "grid":
            raise UserError("values='grid': collision is a grid in both versions; leave it out")

    @property
    def count(self) -> int:
        return len(_table(self).rows)

    def scene(self, index: int) -> Scene:
        table = _table(self)
        row, x, y = table.rows[index].tolist(), table.x_m[index].tolist(), float(table.y_m[index])
        template = table.parts[index]
        if self.law == "collision":
            left, right, v_left, v_right = row
            red = Body(x_m=x[0], y_m=y, vx_m_s=v_left, radius_m=left, mass_kg=left**2, colour=RED)
            blue = Body(x_m=x[1], y_m=y, vx_m_s=-v_right, radius_m=right, mass_kg=right**2, colour=BLUE, kind=1)
            return Scene(bodies=(red, blue), template=template)
        radius, speed = row
        ball = Body(x_m=x[0], y_m=y, vx_m_s=speed, radius_m=radius, mass_kg=radius**2, colour=RED)
        return Scene(bodies=(ball,), gravity_m_s2=GRAVITY_M_S2 if self.law == "parabola" else 0.0, template=template)

    def draw(self, rng: np.random.Generator) -> Scene:
        """Any scene of the list."""
        return self.scene(int(rng.random() * self.count))

    def still(self) -> StillDiscs:
        """Discs anywhere in the view, smaller and larger than those of the files."""
        colours = (RED, BLUE) if self.law == "collision" else (RED,)
        return StillDiscs(bodies=tuple(StillBody(height_m=ANYWHERE, radius_m=((0.2, 2.2),), colours=(colour,)) for colour in colours))


def paper_data(law: Law, *, part: PartName, values: Values = "random") -> DataSpec:
    """The whole of one official file: 32 frames 0.1 s apart from 0.01 s on."""
    scenario = PaperSet(law=law, part=part, values=values)
    split = "eval" if part == "eval" else "train"
    return DataSpec(scenario=scenario, videos=scenario.count, frames=FRAMES, interval_s=FRAME_S, start_s=FIRST_FRAME_S, split=split)


@dataclass(frozen=True)
class _Table:
    """All rows that the official filter keeps."""

    rows: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    parts: np.ndarray


@functools.lru_cache(maxsize=4)
def _table(chosen: PaperSet) -> _Table:
    parts = evaluation_set(chosen.law)
    if chosen.part != "eval":
        parts = (training_set(chosen.law, level=chosen.part, values=chosen.values),)
    rows = np.concatenate([part.rows for part in parts])
    starts = replay(chosen.law, rows=rows)
    return _Table(rows[starts.kept], starts.x_m[starts.kept], starts.y_m[starts.kept], names(parts)[starts.kept])
