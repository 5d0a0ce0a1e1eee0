"""Discs at rest: the motion-free corpus that a codec is fitted on.

A codec fitted on the training videos would itself fail out of distribution, and the model would be
blamed for it. So each scenario names, by `.still()`, a corpus with its own visual vocabulary
(lanes, colours, number of bodies) but every size and place and no motion at all; it stands in for
the paper's pretrained, frozen VAE."""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from physscale.records.errors import UserError
from physscale.records.scene import Body, Scene
from physscale.simulate.ranges import Ranges, draw_from, settle_ranges
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.ball import ball

Colour = tuple[int, int, int]
ANYWHERE: Ranges = ((-1.0, 11.0),)
TRIES = 1000


@dataclass(frozen=True, kw_only=True)
class StillBody:
    """Where one disc of a scene may lie and what it may look like; `ANYWHERE` reaches past the
    view's edges."""

    height_m: Ranges
    radius_m: Ranges
    colours: tuple[Colour, ...]
    x_m: Ranges = ANYWHERE

    def __post_init__(self) -> None:
        settle_ranges(self, "height_m", "x_m", least=-10.0)
        settle_ranges(self, "radius_m", least=0.05)
        for colour in self.colours:
            if not all(0 <= part <= 255 for part in colour):
                raise UserError(
                    f"colours: {colour!r:.60} is none; red, green and blue are 0 to 255"
                )


@dataclass(frozen=True, kw_only=True)
class StillDiscs(Scenario):
    """Discs at rest that do not overlap. Bodies that share a lane lie in the order given, from left
    to right."""

    name: ClassVar[str] = "still"
    physics: ClassVar[str] = "free_discs"
    by_name: ClassVar[bool] = False

    bodies: tuple[StillBody, ...]

    def still(self) -> "StillDiscs":
        return self

    @property
    def engines(self) -> tuple[str, ...]:
        return ("analytic", "pymunk", "box2d")

    def draw(self, rng: np.random.Generator) -> Scene:
        for _ in range(TRIES):
            discs = tuple(_disc(rng, body=body) for body in self.bodies)
            if all(_fits(*pair) for pair in itertools.combinations(discs, 2)):
                return Scene(bodies=discs)
        raise UserError(
            f"still: {TRIES} draws of these discs all overlap; give them more room or smaller radii"
        )


def still_discs(*bodies: StillBody) -> StillDiscs:
    """The corpus with these discs, from left to right."""
    return StillDiscs(bodies=bodies)


def _disc(rng: np.random.Generator, *, body: StillBody) -> Body:
    radius = draw_from(rng, body.radius_m)
    x, y = draw_from(rng, body.x_m), draw_from(rng, body.height_m)
    colour = body.colours[int(rng.random() * len(body.colours))]
    return ball(x, y, radius_m=radius, colour=colour)


def _fits(left: Body, right: Body) -> bool:
    """No overlap; and where the two share a height, `left` is on the left."""
    apart = (right.x_m - left.x_m) ** 2 + (right.y_m - left.y_m) ** 2 >= (
        left.radius_m + right.radius_m
    ) ** 2
    return apart and (left.y_m != right.y_m or left.x_m < right.x_m)
