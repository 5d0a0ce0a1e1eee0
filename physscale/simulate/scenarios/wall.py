"""Composition in space and in time with a wall (arXiv 2411.02385v1, section 5.4; its scripts were
not released).

Space: trained are a moving blue square beside a ball at rest, and a ball bouncing off the wall
beside a square at rest; held out is both moving. Time: trained are collisions without the wall, and
a red ball bouncing off it; held out is a collision near the wall whose red ball then rebounds."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M, Body, Scene, Shape
from physscale.simulate.ranges import Ranges, draw_from, settle_ranges
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.ball import ball
from physscale.simulate.scenarios.collision import BLUE, TRIES
from physscale.simulate.scenarios.still import ANYWHERE, StillBody, StillDiscs, still_discs
from physscale.simulate.scenarios.uniform import RED

GREY = (128, 128, 128)
WALL = Body(
    x_m=9.75,
    y_m=5.0,
    radius_m=0.25,
    half_height_m=5.0,
    mass_kg=0.0,
    colour=GREY,
    shape=Shape.BOX,
    kind=2,
)
"""Mass 0: it never moves."""

FACE_M = WALL.x_m - WALL.radius_m
BALL_LANE_M, SQUARE_LANE_M, LANE_M = 7.2, 2.8, WORLD_M / 2
GREY_DISC = StillBody(height_m=ANYWHERE, radius_m=((0.2, 0.4),), colours=(GREY,))
HORIZON_S = 1.6
SpatialMove = Literal["square", "ball", "both"]
TemporalPart = Literal["collision", "bounce", "both"]


@dataclass(frozen=True, kw_only=True)
class SpatialComposition(Scenario):
    """A red ball above, a blue square below, a wall on the right; `moving` says who moves (a moving
    ball bounces off the wall)."""

    name: ClassVar[str] = "spatial"
    physics: ClassVar[str] = "walls"

    moving: tuple[SpatialMove, ...] = ("square", "ball")
    speed_m_s: Ranges = ((2.0, 4.0),)
    radius_m: Ranges = ((0.7, 1.4),)
    bounce_s: Ranges = ((0.3, 1.0),)

    def __post_init__(self) -> None:
        settle_ranges(self, "speed_m_s", "radius_m", "bounce_s", least=0.05)
        if not self.moving:
            raise UserError("moving=(): name at least one of square, ball, both")

    @property
    def engines(self) -> tuple[str, ...]:
        return ("analytic",)

    def draw(self, rng: np.random.Generator) -> Scene:
        moving = self.moving[int(rng.random() * len(self.moving))]
        ball_radius, side, speed, square_speed = (
            draw_from(rng, one)
            for one in (self.radius_m, self.radius_m, self.speed_m_s, self.speed_m_s)
        )
        speed *= moving != "square"
        square_speed *= moving != "ball"
        bounce = min(draw_from(rng, self.bounce_s), (FACE_M - 2 * ball_radius) / max(speed, 1e-9))
        x = (
            FACE_M - ball_radius - speed * bounce
            if speed
            else ball_radius + rng.random() * (FACE_M - 2 * ball_radius)
        )
        room = max(FACE_M - 2 * side - square_speed * (HORIZON_S - 0.1), 0.0)
        place = side + rng.random() * room
        red = ball(x, BALL_LANE_M, radius_m=ball_radius, colour=RED, vx_m_s=speed)
        square = ball(
            place,
            SQUARE_LANE_M,
            radius_m=side,
            colour=BLUE,
            vx_m_s=min(square_speed, (FACE_M - 2 * side) / (HORIZON_S - 0.1)),
            half_height_m=side,
            shape=Shape.BOX,
            kind=1,
        )
        return Scene(bodies=(red, square, WALL), template=moving)

    def still(self) -> StillDiscs:
        """Discs in both lanes and of all three colours."""
        lanes = ((BALL_LANE_M, RED), (SQUARE_LANE_M, BLUE))
        moving = (
            StillBody(height_m=((lane, lane),), radius_m=((0.3, 1.9),), colours=(colour,))
            for lane, colour in lanes
        )
        return still_discs(*moving, GREY_DISC)


@dataclass(frozen=True, kw_only=True)
class TemporalComposition(Scenario):
    """A blue ball from the left, a red one from the right, a wall on the right. In `bounce` the
    blue one is out of view."""

    name: ClassVar[str] = "temporal"
    physics: ClassVar[str] = "walls"

    parts: tuple[TemporalPart, ...] = ("collision", "bounce")
    speed_m_s: Ranges = ((1.0, 4.0),)
    radius_m: Ranges = ((0.5, 1.0),)
    bounce_s: Ranges = ((0.3, 1.2),)
    contact_s: Ranges = ((0.25, 0.5),)

    def __post_init__(self) -> None:
        settle_ranges(self, "speed_m_s", "radius_m", "bounce_s", least=0.05)
        settle_ranges(self, "contact_s")
        if not self.parts:
            raise UserError("parts=(): name at least one of collision, bounce, both")

    @property
    def engines(self) -> tuple[str, ...]:
        return ("analytic", "pymunk")

    def draw(self, rng: np.random.Generator) -> Scene:
        part = self.parts[int(rng.random() * len(self.parts))]
        for _ in range(TRIES):
            scene = (
                self._bounce(rng)
                if part == "bounce"
                else self._collision(rng, rebounds=part == "both")
            )
            if scene is not None:
                return scene
        raise UserError(
            f"temporal: {TRIES} draws of {part!r} found none that fits into the view; lower "
            "speed_m_s or radius_m"
        )

    def _bounce(self, rng: np.random.Generator) -> Scene | None:
        radius, speed, bounce = (
            draw_from(rng, one) for one in (self.radius_m, self.speed_m_s, self.bounce_s)
        )
        x = FACE_M - radius - speed * bounce
        away = ball(-5.0, LANE_M, radius_m=radius, colour=BLUE, kind=1)
        red = ball(x, LANE_M, radius_m=radius, colour=RED, vx_m_s=speed)
        return Scene(bodies=(red, away, WALL), template="bounce") if x >= radius else None

    def _collision(self, rng: np.random.Generator, *, rebounds: bool) -> Scene | None:
        left, right, v_left, v_right = (
            draw_from(rng, one)
            for one in (self.radius_m, self.radius_m, self.speed_m_s, self.speed_m_s)
        )
        contact = draw_from(rng, self.contact_s)
        bounce = draw_from(rng, self.bounce_s)
        place = rng.random()
        after = (2 * left**2 * v_left - (right**2 - left**2) * v_right) / (
            left**2 + right**2
        )  # the red ball's speed after the hit
        if rebounds:
            meets = FACE_M - right - after * (bounce - contact)
            fits = after > 0.2 and bounce > contact + 0.15
        else:
            lowest = 2 * left + right + v_left * contact
            highest = FACE_M - right - max(v_right * contact, after * (HORIZON_S - contact)) - 0.05
            meets, fits = lowest + place * (highest - lowest), highest > lowest
        x_left, x_right = meets - left - right - v_left * contact, meets + v_right * contact
        if not (fits and x_left >= left and x_right + right <= FACE_M):
            return None
        red = ball(x_right, LANE_M, radius_m=right, colour=RED, vx_m_s=-v_right)
        blue = ball(x_left, LANE_M, radius_m=left, colour=BLUE, vx_m_s=v_left, kind=1)
        return Scene(bodies=(red, blue, WALL), template="both" if rebounds else "collision")

    def still(self) -> StillDiscs:
        """Discs of all three colours in the lane."""
        balls = (
            StillBody(height_m=((LANE_M, LANE_M),), radius_m=((0.3, 1.6),), colours=(colour,))
            for colour in (RED, BLUE)
        )
        return still_discs(*balls, GREY_DISC)
