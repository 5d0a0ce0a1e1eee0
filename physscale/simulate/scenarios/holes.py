"""Collisions with holes in what is trained: part of the (left, right) speed or radius plane is left
out (arXiv 2411.02385, section 5).

The question: does a model interpolate into a hole? Inside the convex hull of the trained pairs the
paper found errors near those in distribution, outside it large ones. `CollisionHoles.distance`
tells how far a pair lies from either."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Float32

from physscale.records.errors import UserError
from physscale.records.scene import Scene
from physscale.records.video import BODY, STATE, Videos
from physscale.simulate.ranges import LARGEST, Ranges, settle
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import TRIES, Collision
from physscale.simulate.scenarios.still import StillDiscs
from physscale.simulate.trained_distance import HullDistance, pair_distance

VX, RADIUS = STATE.index("vx_m_s"), BODY.index("radius_m")

Interval = tuple[float, float]
Rectangles = tuple[tuple[Interval, Interval], ...]
Plane = Literal["speed", "radius"]

PAPER_COLLISION = Collision(left_radius_m=((0.5, 1.5),), right_radius_m=((0.5, 1.5),))
"""Radii as the code draws them for collisions; its text says 0.7 to 1.5 for all laws."""

HOLES: dict[str, Rectangles] = {
    "hole_2_3": (((2.0, 3.0), (2.0, 3.0)),),
    "hole_three_squares": (
        ((1.2, 2.2), (2.7, 3.7)),
        ((2.7, 3.7), (1.2, 2.2)),
        ((2.9, 3.5), (3.3, 3.9)),
    ),
    "hole_1.75_3.25": (((1.75, 3.25), (1.75, 3.25)),),
    "hole_1.5_3.5": (((1.5, 3.5), (1.5, 3.5)),),
    "hole_1.25_3.75": (((1.25, 3.75), (1.25, 3.75)),),
    "hole_1.1_3.9": (((1.1, 3.9), (1.1, 3.9)),),
    "hole_l_shape": (((1.25, 4.0), (1.25, 4.0)),),
}
MASS_HOLES: dict[str, Rectangles] = {"hole_mass_0.8_1.2": (((0.8, 1.2), (0.8, 1.2)),)}
"""The paper's: of speeds, and the one of radii, which it never reported."""


@dataclass(frozen=True, kw_only=True)
class CollisionHoles(Scenario):
    """Collisions whose (left, right) speeds or radii lie outside the rectangles `holes`; with
    `side="inside"`, inside one of them."""

    name: ClassVar[str] = "holes"
    physics: ClassVar[str] = "free_discs"

    holes: Rectangles = (((2.0, 3.0), (2.0, 3.0)),)
    plane: Plane = "speed"
    side: Literal["outside", "inside"] = "outside"
    base: Collision = field(default_factory=Collision)

    def __post_init__(self) -> None:
        settle(
            self,
            holes=tuple(
                tuple((float(low), float(high)) for low, high in hole) for hole in self.holes
            ),
        )
        if not self.holes or not all(
            len(hole) == 2 and -LARGEST <= low < high <= LARGEST
            for hole in self.holes
            for low, high in hole
        ):
            raise UserError(
                f"holes={self.holes!r:.80}: give rectangles as ((left_low, left_high), "
                "(right_low, right_high))"
            )

    @property
    def engines(self) -> tuple[str, ...]:
        return self.base.engines

    def draw(self, rng: np.random.Generator) -> Scene:
        for _ in range(TRIES):
            scene = self.base.draw(rng)
            if bool(self.in_hole(_pair(scene, plane=self.plane)[None])[0]) == (
                self.side == "inside"
            ):
                return scene
        raise UserError(
            f"holes: {TRIES} draws of collisions found none {self.side} the holes; make base's "
            "ranges wider"
        )

    def in_hole(self, pairs: np.ndarray) -> np.ndarray:
        """Whether (left, right) pairs, shape (n, 2), lie in a hole (borders are trained)."""
        inside = [
            np.all(
                [
                    (low < pairs[:, axis]) & (pairs[:, axis] < high)
                    for axis, (low, high) in enumerate(hole)
                ],
                0,
            )
            for hole in self.holes
        ]
        return np.any(inside, axis=0)

    def still(self) -> StillDiscs:
        """Of the collisions."""
        return self.base.still()

    @property
    def trained(self) -> "CollisionHoles":
        """What the distances in its rows are measured from: the same holes, outside."""
        return self if self.side == "outside" else replace(self, side="outside")

    def distance(self, pairs: Float[np.ndarray, "rows 2"]) -> HullDistance:
        """How far (left, right) pairs lie from what is trained."""
        return pair_distance(pairs, cells=self._cells())

    def from_trained(self, videos: Videos) -> Float32[np.ndarray, "batch 2"]:
        """Distances of collisions, however they were drawn, from what is trained."""
        if self.plane == "speed":
            pairs = np.stack([videos.state[:, 0, 0, VX], -videos.state[:, 0, 1, VX]], axis=1)
        else:
            pairs = videos.body[:, :2, RADIUS]
        return self.trained.distance(pairs.astype(np.float64)).columns

    def _cells(self) -> Float[np.ndarray, "cells 2 2"]:
        """The trained region as rectangles, cut at all borders of base and holes."""
        axes: tuple[Ranges, Ranges] = (
            (self.base.left_speed_m_s, self.base.right_speed_m_s)
            if self.plane == "speed"
            else (self.base.left_radius_m, self.base.right_radius_m)
        )
        edges = [
            np.unique(
                [*np.ravel(ranges), *(border for hole in self.holes for border in hole[axis])]
            )
            for axis, ranges in enumerate(axes)
        ]
        low, high = (
            np.stack([grid.ravel() for grid in np.meshgrid(*borders, indexing="ij")], axis=1)
            for borders in ([edge[:-1] for edge in edges], [edge[1:] for edge in edges])
        )
        middle = (low + high) / 2
        drawn = np.ones(len(middle), bool)
        for axis, ranges in enumerate(axes):
            place = middle[:, axis]
            drawn &= np.any([(a <= place) & (place <= b) for a, b in ranges], axis=0)
        kept = drawn & ~self.in_hole(middle)
        return np.stack([low[kept], high[kept]], axis=1)


def papers_holes() -> dict[str, CollisionHoles]:
    """The paper's holes by name, as they are trained."""
    speed = {
        name: CollisionHoles(holes=holes, base=PAPER_COLLISION) for name, holes in HOLES.items()
    }
    return speed | {
        name: CollisionHoles(holes=holes, plane="radius", base=PAPER_COLLISION)
        for name, holes in MASS_HOLES.items()
    }


def _pair(scene: Scene, *, plane: Plane) -> np.ndarray:
    left, right = scene.bodies
    return np.array(
        [left.vx_m_s, -right.vx_m_s] if plane == "speed" else [left.radius_m, right.radius_m]
    )
