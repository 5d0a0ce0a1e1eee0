"""Box2D 2.3 (PyPI `box2d`, single precision) with the paper's settings: steps of 0.01 s, 15
velocity and 20 position iterations.

It reproduces the paper's files (`start_s=0.01`: frame k is t = 0.01 + 0.1 k) with their errors. A
hit happens at the end of its step, which displaces a ball by up to h|Δv|. Gravity is applied before
the move, so a ball falls ght/2 too far. Friction is 0 (theirs is the default 0.2, which acts on
oblique hits only).

Box2D makes a hit inelastic that is no faster than `b2_velocityThreshold`: 1 m/s in the released
package, 0.01 m/s in the copy that the authors compiled. A clock that runs 100 times as fast turns
the one into the other: speeds are 100 times as large, steps 100 times as short, and no length
changes. Scenes with a slow hit run on it. All others run on the scene's own clock, which gives the
authors' places to the last bit."""

import itertools
import math
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from physscale.records.errors import UserError
from physscale.records.scene import Behaviour, Shape
from physscale.simulate.batch import Batch, Trace
from physscale.simulate.engines.analytic import VX, VY, time_of_impact
from physscale.simulate.engines.swig_box2d import Box2D

STEP_S = 0.01
VELOCITY_ITERATIONS, POSITION_ITERATIONS = 15, 20
RELEASED_THRESHOLD_M_S, AUTHORS_THRESHOLD_M_S = 1.0, 0.01
ROUNDING_M_S = 1e-5
"""Of speeds in single precision."""


def run(batch: Batch, *, time_s: Float[np.ndarray, " frames"]) -> Trace:
    """States at the given times, one world per scene. Accepts free, fully elastic discs without
    walls.

    Raises:
        UserError: for other bodies, and for moments between its steps.
    """
    steps = np.rint(time_s / STEP_S).astype(int)
    if not np.allclose(steps * STEP_S, time_s, atol=1e-9):
        raise UserError(
            f"engine box2d steps by {STEP_S} s: interval_s and start_s must be multiples of it"
        )
    if batch.rod is not None:
        raise UserError("engine box2d: moves free discs, and none on a rod; use engine=pymunk")
    free = (
        (batch.constant("behaviour") == Behaviour.FREE)
        & (batch.constant("mass_kg") > 0)
        & (batch.constant("elasticity") == 1.0)
    )
    alone = batch.body.shape[1] == 1  # its shape cannot matter; the authors' squares are discs here
    if not (free & (alone | (batch.constant("shape") == Shape.DISC))).all():
        raise UserError(
            "engine box2d: this scenario has bodies other than free, elastic discs; use "
            "engine=analytic"
        )
    pace = np.where(
        _slow_hits(batch, until_s=float(time_s[-1])),
        RELEASED_THRESHOLD_M_S / AUTHORS_THRESHOLD_M_S,
        1.0,
    )
    rows = [
        _scene(batch, row=row, steps=steps.tolist(), pace=float(pace[row]))
        for row in range(len(batch.body))
    ]
    return Trace(
        state=np.array([state for state, _ in rows]),
        contact_s=np.array([contact for _, contact in rows]),
    )


def _slow_hits(batch: Batch, *, until_s: float) -> Bool[np.ndarray, " batch"]:
    """Which scenes have a hit that the released package would make inelastic."""
    radius = batch.constant("radius_m")
    slow = np.zeros(len(batch.body), bool)
    for first, second in itertools.combinations(range(batch.body.shape[1]), 2):
        step = batch.start[:, second] - batch.start[:, first]
        apart, closing = step[:, :2], step[:, VX : VY + 1]
        reach = radius[:, first] + radius[:, second]
        time = time_of_impact(apart, closing=closing, reach=reach)
        meets = time <= until_s
        normal = (apart + np.where(meets, time, 0.0)[:, None] * closing) / reach[:, None]
        slow |= meets & (-(closing * normal).sum(1) < RELEASED_THRESHOLD_M_S + ROUNDING_M_S)
    return slow


def _scene(
    batch: Batch, *, row: int, steps: list[int], pace: float
) -> tuple[list[list[tuple[float, ...]]], float]:
    """States at these steps and the moment of the first contact.

    Args:
        pace: seconds of the world's clock in a second of the scene's.
    """
    gravity = -float(batch.gravity_m_s2[row]) * pace**2
    world = Box2D.b2World(gravity=(0, gravity), doSleep=False)
    bodies = [
        _add(world, constant, start, pace=pace)
        for constant, start in zip(batch.body[row].tolist(), batch.start[row].tolist(), strict=True)
    ]
    frames, done, contact_s = [], 0, math.nan
    for step in steps:
        while done < step:
            world.Step(STEP_S / pace, VELOCITY_ITERATIONS, POSITION_ITERATIONS)
            done += 1
            if math.isnan(contact_s) and any(map(_hits, world.contacts)):
                contact_s = done * STEP_S
        frames.append(
            [(*body.position, body.angle, *_velocities(body, pace=pace)) for body in bodies]
        )
    return frames, contact_s


def _hits(contact: Any) -> bool:  # noqa: ANN401 - SWIG knows no types
    """Whether two bodies touch of which one moves; some official pairs rest side by side."""
    bodies = contact.fixtureA.body, contact.fixtureB.body
    return contact.touching and any(body.linearVelocity.lengthSquared > 0 for body in bodies)


def _velocities(body: Any, *, pace: float) -> tuple[float, float, float]:  # noqa: ANN401 - SWIG knows no types
    """Velocities by the scene's clock."""
    vx, vy = body.linearVelocity
    return vx / pace, vy / pace, body.angularVelocity / pace


def _add(world: Any, constant: list[float], start: list[float], *, pace: float) -> Any:  # noqa: ANN401 - SWIG knows no types
    radius, mass = constant[1], constant[3]
    vx, vy, turn = (value * pace for value in start[3:6])
    body = world.CreateDynamicBody(
        position=start[:2], angle=start[2], linearVelocity=(vx, vy), angularVelocity=turn
    )
    body.CreateFixture(
        shape=Box2D.b2CircleShape(radius=radius),
        density=mass / (math.pi * radius**2),
        restitution=1.0,
        friction=0.0,
    )
    return body
