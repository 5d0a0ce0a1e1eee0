"""Elastic head-on collision of two balls (arXiv 2411.02385, section 3.1)."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M, Body, Scene
from physscale.simulate.ranges import LARGEST, Ranges, draw_from, settle, settle_ranges
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.ball import ball
from physscale.simulate.scenarios.still import StillBody, StillDiscs, still_discs
from physscale.simulate.scenarios.uniform import RED, Direction, draw_sign

BLUE = (0, 0, 255)
TRIES = 1000


@dataclass(frozen=True, kw_only=True)
class Collision(Scenario):
    """A red ball from the left and a blue one from the right, same height, mass ∝ r²; with
    `direction` left or both, mirrored.

    The moment of contact is drawn from `contact_s`, cut short for fast or large balls, so that both
    balls are fully in view in the conditioning frames (t <= 0.2 s) and meet after them, whatever
    the speed. A pair that cannot do that even at the earliest moment is drawn again, as the paper
    drops such scenes."""

    name: ClassVar[str] = "collision"
    physics: ClassVar[str] = "free_discs"
    NEUTRAL: ClassVar[dict[str, Any]] = {"direction": "right"}

    left_speed_m_s: Ranges = ((1.0, 4.0),)
    right_speed_m_s: Ranges = ((1.0, 4.0),)
    left_radius_m: Ranges = ((0.7, 1.4),)
    right_radius_m: Ranges = ((0.7, 1.4),)
    height_m: Ranges = ((5.0, 5.0),)
    contact_s: tuple[float, float] = (0.25, 0.7)
    direction: Direction = "right"

    def __post_init__(self) -> None:
        settle_ranges(self, "left_speed_m_s", "right_speed_m_s", "height_m")
        settle_ranges(self, "left_radius_m", "right_radius_m", least=0.05)
        settle(self, contact_s=(float(self.contact_s[0]), float(self.contact_s[1])))
        if not 0.0 < self.contact_s[0] <= self.contact_s[1] <= LARGEST:
            raise UserError(
                f"contact_s={self.contact_s}: give the earliest and the latest moment of contact, "
                f"above 0 and at most {LARGEST:g}"
            )

    @property
    def engines(self) -> tuple[str, ...]:
        return ("analytic", "pymunk", "box2d")

    def draw(self, rng: np.random.Generator) -> Scene:
        ranges = (
            self.left_speed_m_s,
            self.right_speed_m_s,
            self.left_radius_m,
            self.right_radius_m,
        )
        for _ in range(TRIES):
            v_left, v_right, r_left, r_right = (draw_from(rng, one) for one in ranges)
            closing, room = v_left + v_right, WORLD_M - 2.0 * (r_left + r_right)
            if closing > 0.0 and closing * self.contact_s[0] <= room:
                break
        else:
            raise UserError(
                f"collision: {TRIES} draws found no two balls that fit into {WORLD_M} m and meet "
                f"after {self.contact_s[0]} s; "
                "lower left/right_speed_m_s or left/right_radius_m, and let at most one ball be "
                "at rest"
            )
        latest = min(self.contact_s[1], room / closing)
        gap = closing * (self.contact_s[0] + rng.random() * (latest - self.contact_s[0]))
        x_left = r_left + rng.random() * (room - gap)
        height = draw_from(rng, self.height_m)
        left = ball(x_left, height, radius_m=r_left, colour=RED, vx_m_s=v_left)
        x_right = x_left + r_left + r_right + gap
        right = ball(x_right, height, radius_m=r_right, colour=BLUE, vx_m_s=-v_right, kind=1)
        mirrored = self.direction != "right" and draw_sign(rng, direction=self.direction) < 0
        return Scene(bodies=(_mirrored(left), _mirrored(right)) if mirrored else (left, right))

    def still(self) -> StillDiscs:
        """Red left of blue, anywhere along the lane; either way round where collisions are
        mirrored."""
        colours = ((RED,), (BLUE,)) if self.direction == "right" else ((RED, BLUE), (BLUE, RED))
        return still_discs(
            *(
                StillBody(height_m=self.height_m, radius_m=((0.3, 2.0),), colours=some)
                for some in colours
            )
        )


def _mirrored(ball: Body) -> Body:
    return replace(ball, x_m=WORLD_M - ball.x_m, vx_m_s=-ball.vx_m_s)
