"""Visual ambiguity: a ball flies at a gap that is a hair wider or narrower than itself (arXiv
2411.02385, section 5.5).

With a margin m between ball and lip on either side, it passes for m > 0 and comes back for m < 0;
at 128 px a pixel is 0.08 m, so within some hundredths of a metre the frames cannot tell which. No
model that sees only frames can be right there; how it is wrong is the question."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from physscale.records.scene import WORLD_M, Body, Scene, Shape
from physscale.simulate.ranges import Ranges, draw_from, settle_ranges
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.ball import ball
from physscale.simulate.scenarios.still import ANYWHERE, StillBody, StillDiscs, still_discs
from physscale.simulate.scenarios.uniform import RED
from physscale.simulate.scenarios.wall import GREY

WALL_X_M, WALL_HALF_M = 6.5, 0.25


@dataclass(frozen=True, kw_only=True)
class AmbiguousGap(Scenario):
    """A red ball and two grey walls, one above the gap and one below; the template says what
    happens: `pass` or `bounce`."""

    name: ClassVar[str] = "gap"
    physics: ClassVar[str] = "walls"

    margin_m: Ranges = ((-0.04, -0.001), (0.001, 0.04))
    speed_m_s: Ranges = ((2.0, 4.0),)
    radius_m: Ranges = ((0.7, 1.2),)
    arrival_s: Ranges = ((0.4, 0.8),)
    height_m: Ranges = ((5.0, 5.0),)

    def __post_init__(self) -> None:
        settle_ranges(self, "margin_m", least=-0.5)
        settle_ranges(self, "speed_m_s", "radius_m", "arrival_s", "height_m", least=0.05)

    @property
    def engines(self) -> tuple[str, ...]:
        return ("analytic",)

    def draw(self, rng: np.random.Generator) -> Scene:
        ranges = (self.margin_m, self.speed_m_s, self.radius_m, self.arrival_s, self.height_m)
        margin, speed, radius, arrival, height = (draw_from(rng, one) for one in ranges)
        x = max(WALL_X_M - WALL_HALF_M - radius - speed * arrival, radius)
        red = ball(x, height, radius_m=radius, colour=RED, vx_m_s=speed)
        below, above = height - radius - margin, WORLD_M - (height + radius + margin)
        walls = (
            _wall(below / 2, half_height=below / 2, kind=1),
            _wall(WORLD_M - above / 2, half_height=above / 2, kind=2),
        )
        return Scene(bodies=(red, *walls), template="pass" if margin > 0 else "bounce")

    def still(self) -> StillDiscs:
        """A red disc and grey ones, anywhere."""
        grey = StillBody(height_m=ANYWHERE, radius_m=((0.2, 0.6),), colours=(GREY,))
        red = StillBody(height_m=self.height_m, radius_m=((0.3, 2.0),), colours=(RED,))
        return still_discs(red, grey, grey)


def _wall(y: float, *, half_height: float, kind: int) -> Body:
    return Body(
        x_m=WALL_X_M,
        y_m=y,
        radius_m=WALL_HALF_M,
        half_height_m=half_height,
        mass_kg=0.0,
        colour=GREY,
        shape=Shape.BOX,
        kind=kind,
    )
