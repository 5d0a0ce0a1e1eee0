"""A scenario of your own: a disc on a rod, which swings (new physics), and how it is detected.

    θ'' = -(g / L) sin θ

The engine is pymunk, which moves bodies on rods. The detector gets three rules of its own.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from physscale.evaluate.abnormal.observe import observe
from physscale.evaluate.abnormal.rules import RULES, Rules, Scores
from physscale.records.scene import Body, Rod, Scene
from physscale.records.video import ROD, STATE, Videos
from physscale.simulate.ranges import Ranges, checked_ranges, draw_from, settle
from physscale.simulate.scenario import Baselines, Scenario
from physscale.simulate.scenarios.still import ANYWHERE, StillBody, StillDiscs
from physscale.simulate.spec import SCENARIOS

RED = (255, 0, 0)
ANCHOR_M = (5.0, 9.0)
X, Y, VX, VY = (STATE.index(name) for name in ("x_m", "y_m", "vx_m_s", "vy_m_s"))
LENGTH = ROD.index("length_m")


@SCENARIOS.register
@dataclass(frozen=True, kw_only=True)
class Pendulum(Scenario):
    """A red disc, let go at rest, on a rod that is not drawn."""

    name: ClassVar[str] = "pendulum"
    physics: ClassVar[str] = "pendulum"

    angle_rad: Ranges = ((0.4, 1.0),)
    length_m: Ranges = ((2.5, 4.0),)
    radius_m: Ranges = ((0.5, 0.9),)
    gravity_m_s2: float = 9.8

    def __post_init__(self) -> None:
        for what in ("angle_rad", "length_m", "radius_m"):
            settle(self, **{what: checked_ranges(getattr(self, what), what=what, least=0.05)})

    @property
    def engines(self) -> tuple[str, ...]:
        return ("pymunk",)

    @property
    def baselines(self) -> Baselines:
        """Neither `clamp` nor `mean_speed`: no body keeps its first speed."""
        return Baselines(polynomial_order=2)

    def draw(self, rng: np.random.Generator) -> Scene:
        angle, length, radius = (
            draw_from(rng, ranges) for ranges in (self.angle_rad, self.length_m, self.radius_m)
        )
        side = 1.0 if rng.random() < 0.5 else -1.0
        body = Body(
            x_m=ANCHOR_M[0] + side * length * math.sin(angle),
            y_m=ANCHOR_M[1] - length * math.cos(angle),
            radius_m=radius,
            mass_kg=radius**2,
            colour=RED,
            rod=Rod(*ANCHOR_M, length),
        )
        return Scene(bodies=(body,), gravity_m_s2=self.gravity_m_s2)

    def still(self) -> StillDiscs:
        """Discs anywhere in the view, smaller and larger ones too."""
        disc = StillBody(height_m=ANYWHERE, radius_m=((0.3, 1.4),), colours=(RED,))
        return StillDiscs(bodies=(disc,))


class PendulumRules(Rules):
    """What every true video of a pendulum obeys.

    permanence    frames in which the disc is not seen, less one
    rod           second largest distance of the disc from its circle, in m
    swing         largest distance of the disc from its swing, in m
    """

    physics: ClassVar[str] = "pendulum"
    floors: ClassVar[Mapping[str, float]] = {"permanence": 0.5, "rod": 0.1, "swing": 0.2}

    def uncovered(self, videos: Videos) -> str | None:
        return "bodies without a rod" if videos.rod is None else None

    def places(self, videos: Videos) -> Float[np.ndarray, "batch frames bodies 2"]:
        assert videos.pixels is not None, "the detector refuses rows without frames"
        found = observe(videos.pixels, body=videos.body)
        return np.stack([found.x_m, found.y_m], axis=-1)

    def scores(self, videos: Videos) -> Scores:
        assert videos.rod is not None, "the detector refuses bodies without a rod"
        place = self.places(videos)[:, :, 0]
        rod = videos.rod[:, 0].astype(np.float64)
        away = np.linalg.norm(place - rod[:, None, :2], axis=-1)
        off_rod = np.nan_to_num(np.abs(away - rod[:, None, LENGTH]))
        swing = np.stack([swing_of(videos, row=row) for row in range(len(videos))])
        off_swing = np.nan_to_num(np.linalg.norm(place - swing, axis=-1))
        return {
            "permanence": np.maximum(np.isnan(away).sum(1) - 1.0, 0.0),
            "rod": np.sort(off_rod, axis=1)[:, -2],
            "swing": off_swing.max(1),
        }


RULES.register(PendulumRules())


def swing_of(videos: Videos, *, row: int) -> Float[np.ndarray, "frames 2"]:
    """The disc's places by the equation of motion, from the row's first state."""
    assert videos.rod is not None
    x, y, length = videos.rod[row, 0].astype(np.float64)
    state = videos.state[row, :, 0].astype(np.float64)
    angle = math.atan2(state[0, X] - x, y - state[0, Y])
    speed = (state[0, VX] * math.cos(angle) + state[0, VY] * math.sin(angle)) / length
    time_s = videos.time_s[row].astype(np.float64)
    gravity = gravity_m_s2(state)
    solved = solve_ivp(
        lambda _, now: (now[1], -gravity / length * math.sin(now[0])),
        (time_s[0], time_s[-1]),
        (angle, speed),
        t_eval=time_s,
        rtol=1e-8,
    )
    swung = solved.y[0]
    return np.stack([x + length * np.sin(swung), y - length * np.cos(swung)], axis=-1)


def gravity_m_s2(state: Float[np.ndarray, "frames state"]) -> float:
    """Of a row's true states: ½v² + g y is constant."""
    kinetic = 0.5 * (state[:, VX] ** 2 + state[:, VY] ** 2)
    return -float(np.polyfit(state[:, Y], kinetic, deg=1)[0])
