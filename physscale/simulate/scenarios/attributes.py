"""Which attribute wins? Two attributes go together in training, and are crossed in the test (arXiv
2411.02385, section 5).

Each attribute has a low and a high level: colour red | blue, size small | large, velocity slow |
fast, shape disc | square (or ring). With `combinations=((0, 0), (1, 1))`, what the paper trains on,
small goes with red and large with blue; `((0, 1), (1, 0))` is its test. The paper found colour >
size > velocity > shape. One combination alone is a one-colour control."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from physscale.records.errors import UserError
from physscale.records.scene import Scene, Shape
from physscale.simulate.ranges import Ranges, draw_from, settle_moments, settle_ranges
from physscale.simulate.scenario import Attribute, Scenario
from physscale.simulate.scenarios.ball import ball
from physscale.simulate.scenarios.collision import BLUE
from physscale.simulate.scenarios.still import StillBody, StillDiscs, still_discs
from physscale.simulate.scenarios.uniform import RED, draw_start

Levels = tuple[tuple[int, int], ...]
SEEN: Levels = ((0, 0), (1, 1))
HELD: Levels = ((0, 1), (1, 0))
RING_HOLE = 0.7
"""Radius of a ring's hole as a part of its own."""

GRADED: dict[str, tuple[Ranges, Ranges]] = {
    "size": (((0.7, 1.05),), ((1.05, 1.4),)),
    "velocity": (((1.0, 2.5),), ((2.5, 4.0),)),
}
BINARY: dict[str, tuple[Ranges, Ranges]] = {
    "size": (((0.7, 0.7),), ((1.4, 1.4),)),
    "velocity": (((1.0, 1.0),), ((4.0, 4.0),)),
}
FREE: dict[str, Ranges] = {"size": ((0.7, 1.4),), "velocity": ((1.0, 4.0),)}


@dataclass(frozen=True, kw_only=True)
class Attributes(Scenario):
    """One body in uniform motion to the right; an attribute that is not in the pair varies freely
    (size, velocity) or is red, a disc."""

    name: ClassVar[str] = "attributes"
    physics: ClassVar[str] = "free_discs"

    pair: tuple[Attribute, Attribute] = ("colour", "size")
    combinations: Levels = SEEN
    steps: Literal["graded", "binary"] = "graded"
    other_shape: Literal["square", "ring"] = "square"
    height_m: Ranges = ((5.0, 5.0),)
    stay_s: float = 1.5

    def __post_init__(self) -> None:
        settle_ranges(self, "height_m")
        settle_moments(self, "stay_s")
        if len(set(self.pair)) != 2 or not set(self.pair) <= set(get_args(Attribute)):
            raise UserError(
                f"pair={self.pair}: name two different ones of {', '.join(get_args(Attribute))}"
            )
        if not self.combinations or not set(self.combinations) <= {(0, 0), (0, 1), (1, 0), (1, 1)}:
            raise UserError(
                f"combinations={self.combinations!r:.60}: give levels 0 or 1 of the two, as ((0, "
                "0), (1, 1))"
            )

    @property
    def crossed(self) -> tuple[Attribute, Attribute]:
        return self.pair

    @property
    def engines(self) -> tuple[str, ...]:
        if "shape" in self.pair and self.other_shape == "square":
            return ("analytic", "box2d")
        return ("analytic", "pymunk", "box2d")

    def draw(self, rng: np.random.Generator) -> Scene:
        levels = self.combinations[int(rng.random() * len(self.combinations))]
        level = dict(zip(self.pair, levels, strict=True))
        table = GRADED if self.steps == "graded" else BINARY
        radius, speed = (
            draw_from(rng, table[what][level[what]] if what in level else FREE[what])
            for what in ("size", "velocity")
        )
        height = draw_from(rng, self.height_m)
        x = draw_start(rng, sign=1, radius_m=radius, way_m=speed * self.stay_s)
        shape, second = Shape.DISC, 0.0
        if level.get("shape") == 1 and self.other_shape == "square":
            shape, second = Shape.BOX, radius
        elif level.get("shape") == 1:
            second = RING_HOLE * radius
        body = ball(
            x,
            height,
            radius_m=radius,
            colour=BLUE if level.get("colour") == 1 else RED,
            vx_m_s=speed,
            half_height_m=second,
            shape=shape,
        )
        return Scene(bodies=(body,), template=f"{levels[0]}-{levels[1]}")

    def still(self) -> StillDiscs:
        """Discs of both colours and all sizes: squares and rings are the codec's to generalise
        to."""
        return still_discs(
            StillBody(height_m=self.height_m, radius_m=((0.3, 2.0),), colours=(RED, BLUE))
        )
