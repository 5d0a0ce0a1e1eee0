"""The official data sets row by row: training sets of 30K, 300K and 3M, and the published
evaluation files (arXiv 2411.02385).

These sets are listed, not drawn: row i is scene i of the official generator, with its positions and
without the scenes that it drops. Two flaws are kept: positions repeat (seed 42 again for every
1,000 scenes), and some evaluation values are also training values. A study of your own should use
the scenarios that draw."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from physscale.records.errors import UserError
from physscale.records.initial import DECIMALS
from physscale.records.scene import WORLD_M, Body, Scene, Shape
from physscale.render.canvas import Style
from physscale.simulate.paper.grids import (
    ONE_BALL,
    Motion,
    Values,
    evaluation_set,
    names,
    training_set,
)
from physscale.simulate.paper.groups import Group, group_of
from physscale.simulate.paper.starts import FRAME_S, FRAMES, Scenes, replay
from physscale.simulate.scenario import Baselines, Clock, Listing
from physscale.simulate.scenarios.ball import ball
from physscale.simulate.scenarios.collision import BLUE
from physscale.simulate.scenarios.still import (
    ANYWHERE,
    Colour,
    StillBody,
    StillDiscs,
    still_discs,
)
from physscale.simulate.scenarios.uniform import RED

GRAVITY_M_S2 = 2.5
FIRST_FRAME_S = 0.01
"""The official files store the state after the first of ten solver steps of 0.01 s."""

PAPER_ENGINES = ("box2d", "analytic", "pymunk")
"""The paper's own first: the official places hold its errors of a step (`engines.box2d`)."""

CLOCK = Clock(frames=FRAMES, interval_s=FRAME_S, start_s=FIRST_FRAME_S)
"""Of the official files: 32 frames 0.1 s apart from 0.01 s on."""

PartName = Literal["30K", "300K", "3M", "eval"]
KEPT: dict[str, int] = {"30K": 26_066, "300K": 306_782, "3M": 3_187_370}
"""Collisions that the official filter keeps, counted by `replay`."""
PaperWay = Literal["right", "left", "up", "down"]
PaperGroup = Literal["all", "ood", Group]
OUT: tuple[Group, ...] = ("zero", "radius", "speed", "both")
"""What the official evaluation counts as out of distribution."""
GROUPS: tuple[PaperGroup, ...] = ("id", "ood", *OUT, "filtered")
"""Together all rows of an evaluation file; `ood` is there twice, as a whole and in its parts."""


@dataclass(frozen=True, kw_only=True)
class PaperSet(Listing):
    """One official file.

    Attributes:
        values: for sets of one ball: `random` is what was published, `grid` what the head of the
            code makes.
        way: where the ball of uniform motion goes; published is `right`, the code makes all four
            from the same numbers.
        group: of an evaluation file, only the rows of this group of the official evaluation; `ood`
            is all that it counts as out of distribution.
    """

    name: ClassVar[str] = "paper"
    physics: ClassVar[str] = "free_discs"
    clock: ClassVar[Clock] = CLOCK
    style: ClassVar[Style] = "paper"
    NEUTRAL: ClassVar[dict[str, Any]] = {"way": "right", "group": "all"}

    law: Motion = "uniform"
    part: PartName = "eval"
    values: Values = "random"
    way: PaperWay = "right"
    group: PaperGroup = "all"

    def __post_init__(self) -> None:
        if self.law != "uniform" and self.way != "right":
            raise UserError(
                f"way={self.way!r}: only the official uniform motion goes other ways than right"
            )
        if self.law == "collision" and self.values == "grid":
            raise UserError("values='grid': collision is a grid in both versions; leave it out")
        if self.part != "eval" and self.group != "all":
            raise UserError(f"group={self.group!r}: only part='eval' has groups; leave it out")

    @property
    def official(self) -> bool:
        """The script knows balls to the right alone."""
        return self.way == "right"

    @property
    def engines(self) -> tuple[str, ...]:
        return PAPER_ENGINES

    @property
    def baselines(self) -> Baselines:
        """The speeds of evaluation rows are not those of training, so none is claimed."""
        return Baselines(polynomial_order=2 if self.law == "parabola" else 1)

    @property
    def count(self) -> int:
        if self.part == "eval":
            return len(table_of(self).rows)
        if self.law == "collision":
            return KEPT[self.part]
        return math.prod(ONE_BALL[self.part])

    def scene(self, index: int) -> Scene:
        table = table_of(self)
        row, x, y = table.numbers(index)
        bodies = (
            two_balls(row, x_m=x, y_m=y)
            if self.law == "collision"
            else (turned(one_ball(row, x_m=x[0], y_m=y), way=self.way),)
        )
        return Scene(
            bodies=bodies,
            gravity_m_s2=GRAVITY_M_S2 if self.law == "parabola" else 0.0,
            template=table.parts[index],
        )

    def still(self) -> StillDiscs:
        return anywhere((RED,), (BLUE,)) if self.law == "collision" else anywhere((RED,))


def anywhere(*colours: tuple[Colour, ...]) -> StillDiscs:
    """One disc for each of these choices of colours, anywhere in the view, smaller and larger than
    those of the files."""
    return still_discs(
        *(StillBody(height_m=ANYWHERE, radius_m=((0.2, 2.2),), colours=some) for some in colours)
    )


def one_ball(row: Sequence[float], *, x_m: float, y_m: float) -> Body:
    """(r, v) as a red ball to the right; two further numbers, where there are, make it blue and a
    square."""
    radius, speed, blue, square = (*row, 0.0, 0.0)[:4]
    return ball(
        x_m,
        y_m,
        radius_m=radius,
        colour=BLUE if blue else RED,
        vx_m_s=speed,
        half_height_m=radius if square else 0.0,
        shape=Shape.BOX if square else Shape.DISC,
    )


def two_balls(row: Sequence[float], *, x_m: Sequence[float], y_m: float) -> tuple[Body, Body]:
    """(r₁, r₂, v₁, v₂) as a red ball to the right and a blue one to the left."""
    left, right, v_left, v_right = row
    red = ball(x_m[0], y_m, radius_m=left, colour=RED, vx_m_s=v_left)
    return red, ball(x_m[1], y_m, radius_m=right, colour=BLUE, vx_m_s=-v_right, kind=1)


def turned(ball: Body, *, way: PaperWay) -> Body:
    """The ball of the same numbers on its way left, up or down."""
    if way in ("up", "down"):
        ball = replace(ball, x_m=ball.y_m, y_m=ball.x_m, vx_m_s=0.0, vy_m_s=ball.vx_m_s)
    if way == "left":
        return replace(ball, x_m=WORLD_M - ball.x_m, vx_m_s=-ball.vx_m_s)
    return replace(ball, y_m=WORLD_M - ball.y_m, vy_m_s=-ball.vy_m_s) if way == "down" else ball


@dataclass(frozen=True)
class Table(Scenes):
    """All rows that the official filter keeps, and the block of each."""

    parts: np.ndarray


@functools.lru_cache(maxsize=4)
def table_of(chosen: PaperSet) -> Table:
    parts = evaluation_set(chosen.law, values=chosen.values)
    if chosen.part != "eval":
        parts = (training_set(chosen.law, level=chosen.part, values=chosen.values),)
    rows = np.concatenate([part.rows for part in parts])
    starts = replay(chosen.law, rows=rows)
    kept = starts.kept
    if chosen.group != "all":
        bodies = starts.x_m.shape[1]
        groups = np.array([group_of(row, bodies=bodies) for row in rows.round(DECIMALS)])
        kept = kept & np.isin(groups, OUT if chosen.group == "ood" else [chosen.group])
    return Table(rows[kept], starts.x_m[kept], starts.y_m[kept], names(parts)[kept])
