"""A scene: bodies and their world, before time runs. World units are metres, y points up, the
origin is at the bottom left."""

import enum
from dataclasses import dataclass

WORLD_M = 10.0
"""Side of the square view; 10 in the paper (arXiv 2411.02385, its generators' WORLD_SCALE)."""

AWAY_M = -50.0
"""A body put here is out of sight."""


class Shape(enum.IntEnum):
    """What a body looks like."""

    DISC = 0
    BOX = 1
    JAR = 2
    STICKS = 3


class Behaviour(enum.IntEnum):
    """What a body does by itself from a fixed moment on (`simulate.behaviour`, the *composition*
    scenario). FREE obeys the laws alone."""

    FREE = 0
    ACCELERATE = 1
    BRAKE = 2
    REVERSE = 3
    STOP = 4
    TRIPLE = 5


@dataclass(frozen=True)
class Rod:
    """A rigid, massless rod from a fixed point to the centre of a body, which swings about it."""

    anchor_x_m: float
    anchor_y_m: float
    length_m: float


@dataclass(frozen=True, kw_only=True)
class Body:
    """One rigid body at t = 0; `kind` names it within a template.

    `radius_m` is a disc's radius or a box's half width, `half_height_m` a box's half height or,
    above 0 for a disc, the radius of the hole that makes it a ring. Mass 0 is a wall: nothing moves
    it."""

    x_m: float
    y_m: float
    radius_m: float
    vx_m_s: float = 0.0
    vy_m_s: float = 0.0
    angle_rad: float = 0.0
    omega_rad_s: float = 0.0
    half_height_m: float = 0.0
    mass_kg: float = 1.0
    elasticity: float = 1.0
    colour: tuple[int, int, int] = (255, 0, 0)
    shape: Shape = Shape.DISC
    behaviour: Behaviour = Behaviour.FREE
    kind: int = 0
    rod: Rod | None = None


@dataclass(frozen=True)
class Scene:
    """Bodies in painter's order (later ones are drawn over earlier ones) in a world with
    `gravity_m_s2` pointing down."""

    bodies: tuple[Body, ...]
    gravity_m_s2: float = 0.0
    template: str = ""
