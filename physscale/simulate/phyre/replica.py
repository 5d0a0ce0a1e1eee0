"""PHYRE's templates on PyPI's `box2d` (the same Box2D 2.3), in this process: for machines without
Python 3.9, and for true velocities.

PHYRE's constants: 6 px per metre, gravity -9.8 m/s², steps of 1/60 s with 15 velocity and 20
position iterations, density 0.25, friction 0.5, restitution 0.2, angular damping 0.01, sleeping
allowed; bodies in scene order, the red ball last. Pixels become metres in single precision, as
there. PHYRE compiles a later Box2D (commit 33af62e, 2.3.2); `phyre.contacts` corrects what can be
corrected from outside. The two agree bit for bit until a fast impact is rounded differently; scenes
with many contacts are chaotic from then on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from physscale.simulate.engines.swig_box2d import Box2D
from physscale.simulate.phyre.contacts import Contacts, polygon_of
from physscale.simulate.phyre.parts import PIXELS_PER_METRE, STEPS_PER_SECOND, RedBall, Setting
from physscale.simulate.phyre.place import Outline, placed

GRAVITY_M_S2 = -9.8
VELOCITY_ITERATIONS, POSITION_ITERATIONS = 15, 20
MATERIAL = {"friction": 0.5, "restitution": 0.2}
DENSITY = 0.25
ANGULAR_DAMPING = 0.01
WALLS = 4


@dataclass(frozen=True)
class Motion:
    """x, y, angle of every body but the walls, and their rates; px and px/s, y up."""

    pose: Float[np.ndarray, "frames bodies 3"]
    velocity: Float[np.ndarray, "frames bodies 3"]


def simulate(setting: Setting, *, ball: RedBall, frames: int, stride: int) -> Motion:
    """The motion of one trial; frame k is the state after step 1 + k·stride."""
    world = Box2D.b2World(gravity=(0, GRAVITY_M_S2), doSleep=True)
    contacts = Contacts()
    world.contactListener = contacts
    bodies = [
        _add(
            world,
            body.outline,
            at=(body.x_px, body.y_px),
            angle=body.angle_rad,
            dynamic=body.dynamic,
        )
        for body in placed(setting)
    ]
    red = Outline(radius_px=ball.radius_px, diameter_px=2 * ball.radius_px)
    bodies.append(_add(world, red, at=(ball.x_px, ball.y_px), angle=0.0, dynamic=True))
    states = np.empty((frames, len(bodies) - WALLS, 6))
    for frame in range(frames):
        for _ in range(stride if frame else 1):
            contacts.begin_step()
            world.Step(1.0 / STEPS_PER_SECOND, VELOCITY_ITERATIONS, POSITION_ITERATIONS)
        states[frame] = [_state(body) for body in bodies[WALLS:]]
    scale = np.array([PIXELS_PER_METRE, PIXELS_PER_METRE, 1.0])
    return Motion(pose=states[..., :3] * scale, velocity=states[..., 3:] * scale)


def _state(body: Any) -> tuple[float, ...]:  # noqa: ANN401 - SWIG knows no types
    speed = body.GetLinearVelocityFromLocalPoint((0, 0))
    return (*body.position, body.angle, *speed, body.angularVelocity)


def _add(
    world: Any,  # noqa: ANN401
    outline: Outline,
    *,
    at: tuple[float, float],
    angle: float,
    dynamic: bool,
) -> Any:  # noqa: ANN401
    create = world.CreateDynamicBody if dynamic else world.CreateStaticBody
    body = create(
        position=tuple(_metres(value) for value in at), angle=angle, angularDamping=ANGULAR_DAMPING
    )
    body.userData = None if dynamic else tuple(body.position)
    if outline.polygons:
        shapes = [
            Box2D.b2PolygonShape(vertices=[(_metres(x), _metres(y)) for x, y in polygon])
            for polygon in outline.polygons
        ]
    else:
        shapes = [Box2D.b2CircleShape(radius=_metres(outline.radius_px))]
    for shape in shapes:
        fixture = body.CreateFixture(shape=shape, density=DENSITY if dynamic else 0.0, **MATERIAL)
        fixture.userData = polygon_of(shape) if outline.polygons else None
    return body


def _metres(pixels: float) -> float:
    return float(np.float32(pixels) / np.float32(PIXELS_PER_METRE))
