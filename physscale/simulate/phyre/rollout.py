"""PHYRE's physics from any state of a row: what would follow from it. The constants are those of
`replica`; the shapes follow from the row.

`replica` starts a scene at rest from its recipe. This module starts anywhere, because a question
about a video needs that. Both step the same Box2D."""

from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, STATE
from physscale.render.outline import polygons_m
from physscale.simulate.engines.swig_box2d import Box2D
from physscale.simulate.phyre.parts import PIXELS_PER_METRE, STEPS_PER_SECOND
from physscale.simulate.phyre.replica import (
    ANGULAR_DAMPING,
    DENSITY,
    GRAVITY_M_S2,
    MATERIAL,
    POSITION_ITERATIONS,
    VELOCITY_ITERATIONS,
)

SHAPE, RADIUS, HALF_HEIGHT, MASS = (
    BODY.index(name) for name in ("shape", "radius_m", "half_height_m", "mass_kg")
)
WALL_M = 0.1


def rollout(
    body: Float32[np.ndarray, "bodies constants"],
    *,
    start: Float[np.ndarray, "bodies state"],
    time_s: Float32[np.ndarray, " frames"],
    scene_px: int = 512,
) -> Float[np.ndarray, "frames bodies state"]:
    """States at the frames' moments, the first being `start`; a place without a body stays as it
    is."""
    scale = scene_px / PIXELS_PER_METRE / WORLD_M
    world = Box2D.b2World(gravity=(0, GRAVITY_M_S2), doSleep=True)
    _walls(world, side=WORLD_M * scale)
    bodies = {
        number: _add(world, constants, state=start[number], scale=scale)
        for number, constants in enumerate(body.tolist())
        if constants[RADIUS] > 0
    }
    steps = np.round(np.diff(time_s.astype(np.float64)) * STEPS_PER_SECOND).astype(int)
    out = np.repeat(start[None], len(time_s), axis=0)
    for frame, count in enumerate(steps.tolist(), start=1):
        for _ in range(count):
            world.Step(1.0 / STEPS_PER_SECOND, VELOCITY_ITERATIONS, POSITION_ITERATIONS)
        for number, moved in bodies.items():
            speed = moved.linearVelocity
            out[frame, number] = (
                *(value / scale for value in moved.position),
                moved.angle,
                *(value / scale for value in speed),
                moved.angularVelocity,
            )
    return out


def _add(world: Any, constants: list[float], *, state: np.ndarray, scale: float) -> Any:  # noqa: ANN401 - SWIG knows no types
    x, y, angle, vx, vy, omega = (float(value) for value in state[: len(STATE)])
    dynamic = constants[MASS] > 0
    create = world.CreateDynamicBody if dynamic else world.CreateStaticBody
    body = create(position=(x * scale, y * scale), angle=angle, angularDamping=ANGULAR_DAMPING)
    if constants[SHAPE] == Shape.DISC:
        shapes = [Box2D.b2CircleShape(radius=constants[RADIUS] * scale)]
    else:
        parts = polygons_m(
            int(constants[SHAPE]), radius_m=constants[RADIUS], half_height_m=constants[HALF_HEIGHT]
        )
        shapes = [
            Box2D.b2PolygonShape(vertices=[(u * scale, v * scale) for u, v in part])
            for part in parts
        ]
    for shape in shapes:
        body.CreateFixture(shape=shape, density=DENSITY if dynamic else 0.0, **MATERIAL)
    if dynamic:
        body.linearVelocity, body.angularVelocity = (vx * scale, vy * scale), omega
    return body


def _walls(world: Any, *, side: float) -> None:  # noqa: ANN401
    for x, y, across, up in (
        (side / 2, -WALL_M, side, WALL_M),
        (side / 2, side + WALL_M, side, WALL_M),
        (-WALL_M, side / 2, WALL_M, side),
        (side + WALL_M, side / 2, WALL_M, side),
    ):
        wall = world.CreateStaticBody(position=(x, y))
        wall.CreateFixture(shape=Box2D.b2PolygonShape(box=(across, up)), density=0.0, **MATERIAL)
