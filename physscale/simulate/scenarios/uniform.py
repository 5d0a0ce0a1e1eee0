"""Uniform motion: one ball, no force (arXiv 2411.02385, section 3.1)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from physscale.records.scene import WORLD_M, Scene
from physscale.simulate.ranges import Ranges, draw_from, largest, settle_moments, settle_ranges
from physscale.simulate.scenario import Baselines, Scenario
from physscale.simulate.scenarios.ball import ball
from physscale.simulate.scenarios.still import ANYWHERE, StillBody, StillDiscs, still_discs

RED = (255, 0, 0)
Direction = Literal["right", "left", "both"]
AnyDirection = Literal["right", "left", "both", "up", "down"]


@dataclass(frozen=True, kw_only=True)
class UniformMotion(Scenario):
    """One red ball at constant velocity.

    It starts where it stays fully in view for `stay_s` (16 frames 0.1 s apart by default); where
    the view is too small for that (a ball of radius 1.4 m at 6 m/s), it starts at the edge, so the
    conditioning frames always show all of it. `direction="both"` is the set with its mirror images:
    then low speeds lie *inside* the trained range [-4, 4], and v-low is interpolation. For "up" and
    "down" the lane is upright and `height_m` says where it stands."""

    name: ClassVar[str] = "uniform"
    physics: ClassVar[str] = "free_discs"

    speed_m_s: Ranges = ((1.0, 4.0),)
    radius_m: Ranges = ((0.7, 1.4),)
    height_m: Ranges = ((5.0, 5.0),)
    direction: AnyDirection = "both"
    stay_s: float = 1.5

    def __post_init__(self) -> None:
        settle_ranges(self, "speed_m_s", "height_m")
        settle_ranges(self, "radius_m", least=0.05)
        settle_moments(self, "stay_s")

    @property
    def baselines(self) -> Baselines:
        return Baselines(trained_speed_m_s=self.speed_m_s)

    @property
    def engines(self) -> tuple[str, ...]:
        return ("analytic", "pymunk", "box2d")

    def draw(self, rng: np.random.Generator) -> Scene:
        speed, radius, height = (
            draw_from(rng, ranges) for ranges in (self.speed_m_s, self.radius_m, self.height_m)
        )
        upright = self.direction in ("up", "down")
        sign = draw_sign(
            rng, direction={"up": "right", "down": "left"}.get(self.direction, self.direction)
        )
        along = draw_start(rng, sign=sign, radius_m=radius, way_m=speed * self.stay_s)
        if upright:
            body = ball(height, along, radius_m=radius, colour=RED, vy_m_s=sign * speed)
        else:
            body = ball(along, height, radius_m=radius, colour=RED, vx_m_s=sign * speed)
        return Scene(bodies=(body,))

    def still(self) -> StillDiscs:
        """The motion-free corpus of the same visual vocabulary, with radii from far below to far
        above the trained ones."""
        radius = ((0.3, max(2.0, largest(self.radius_m))),)
        if self.direction in ("up", "down"):
            return still_discs(
                StillBody(x_m=self.height_m, height_m=ANYWHERE, radius_m=radius, colours=(RED,))
            )
        return still_discs(StillBody(height_m=self.height_m, radius_m=radius, colours=(RED,)))


def draw_sign(rng: np.random.Generator, *, direction: str) -> int:
    """+1 to the right, -1 to the left. Always one number of the generator."""
    right = rng.random() < 0.5
    return {"right": 1, "left": -1, "both": 1 if right else -1}[direction]


def draw_start(rng: np.random.Generator, *, sign: int, radius_m: float, way_m: float) -> float:
    """An x from which a ball can go `way_m` in direction `sign` and stay in view; the edge of the
    view where it cannot."""
    room = max(WORLD_M - 2.0 * radius_m - way_m, 0.0)
    x = radius_m + rng.random() * room
    return x if sign > 0 else WORLD_M - x
