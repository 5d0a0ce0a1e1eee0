"""Composition: two balls that do not touch, each of a kind with a behaviour of its own; pairs of
kinds are what is held out.

The combinatorial question of arXiv 2411.02385 (section 4) in its smallest form: a model that has
seen every kind, but not every pair, is asked for a new pair. Coverage C is the number of ordered
pairs trained on, at a fixed number of videos."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M, Behaviour, Body, Scene
from physscale.simulate.behaviour import ONSET_S
from physscale.simulate.ranges import Ranges, draw_from, settle_moments, settle_ranges
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.ball import ball
from physscale.simulate.scenarios.still import Colour, StillBody, StillDiscs
from physscale.simulate.scenarios.uniform import draw_sign

KINDS = len(Behaviour)
SHADE = (1.0, 0.88, 0.76, 0.64, 0.52, 0.4)
RADIUS_M = (1.3, 1.2, 1.1, 1.0, 0.9, 0.8)
LANE_HEIGHT_M = (7.2, 2.8)
Pairs = tuple[tuple[int, int], ...]


def shifts(*steps: int) -> Pairs:
    """All ordered pairs (i, i + s mod 6) for the given steps: `shifts(0)` pairs each kind with
    itself, six pairs per step."""
    return tuple((kind, (kind + step) % KINDS) for step in steps for kind in range(KINDS))


ALL_PAIRS = shifts(*range(KINDS))


def ink(shade: float, *, lane: int) -> Colour:
    """Red (lane 0, upper) or blue (lane 1, lower), mixed with white. A kind's shade is the strength
    of its ink."""
    pale = round(255 * (1.0 - shade))
    return (255, pale, pale) if lane == 0 else (pale, pale, 255)


@dataclass(frozen=True, kw_only=True)
class Composition(Scenario):
    """A red ball in the upper lane and a blue one in the lower lane, of kinds `(upper, lower)` from
    `pairs`.

    Kind k has behaviour k (`records.scene.Behaviour`). Its shade and its radius, which a codec
    renders well, identify it. Directions are random. The start is drawn so that *any* behaviour
    stays in view for `stay_s`, and from the same range for all kinds, so that neither speed nor
    place betrays the kind; above 1.6 m/s only TRIPLE and REVERSE may leave at the very end."""

    name: ClassVar[str] = "composition"
    physics: ClassVar[str] = "free_discs"

    pairs: Pairs = ALL_PAIRS
    speed_m_s: Ranges = ((1.0, 2.0),)
    stay_s: float = 1.5

    def __post_init__(self) -> None:
        settle_ranges(self, "speed_m_s")
        settle_moments(self, "stay_s")
        if not self.pairs or not all(0 <= kind < KINDS for pair in self.pairs for kind in pair):
            raise UserError(
                f"pairs={self.pairs!r:.60}: give at least one (upper, lower) pair of kinds 0 to "
                f"{KINDS - 1}"
            )
        if len(set(self.pairs)) < len(self.pairs):
            raise UserError("pairs: a pair is named twice")

    @property
    def coverage(self) -> tuple[tuple[int, int], ...]:
        return self.pairs

    def covering(self, combinations: tuple[Any, ...]) -> "Composition":
        return replace(self, pairs=tuple(combinations))

    @property
    def engines(self) -> tuple[str, ...]:
        return ("analytic", "pymunk")

    def draw(self, rng: np.random.Generator) -> Scene:
        pair = self.pairs[int(rng.random() * len(self.pairs))]
        bodies = tuple(self._ball(rng, kind=kind, lane=lane) for lane, kind in enumerate(pair))
        return Scene(bodies=bodies, template=f"{pair[0]}-{pair[1]}")

    def _ball(self, rng: np.random.Generator, *, kind: int, lane: int) -> Body:
        speed = draw_from(rng, self.speed_m_s)
        sign = draw_sign(rng, direction="both")
        back = speed * (self.stay_s - 2 * ONSET_S)
        forth = speed * (3 * self.stay_s - 2 * ONSET_S)
        room = WORLD_M - 2 * max(RADIUS_M) - back - forth
        x = max(
            max(RADIUS_M) + back + min(room / 2, 0.0) + rng.random() * max(room, 0.0), max(RADIUS_M)
        )
        return ball(
            x if sign > 0 else WORLD_M - x,
            LANE_HEIGHT_M[lane],
            radius_m=RADIUS_M[kind],
            colour=ink(SHADE[kind], lane=lane),
            vx_m_s=sign * speed,
            behaviour=Behaviour(kind),
            kind=kind,
        )

    def still(self) -> StillDiscs:
        """Every shade of each lane, radii around the six."""
        radius = ((0.6, max(RADIUS_M) + 0.2),)
        return StillDiscs(
            bodies=tuple(
                StillBody(
                    height_m=((height, height),),
                    radius_m=radius,
                    colours=tuple(ink(shade, lane=lane) for shade in SHADE),
                )
                for lane, height in enumerate(LANE_HEIGHT_M)
            )
        )
