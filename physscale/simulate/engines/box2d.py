"""Box2D 2.3 (PyPI `box2d`, single precision) with the paper's settings: steps of 0.01 s, 15
velocity and 20 position iterations.

It reproduces the paper's files (`start_s=0.01`: frame k is t = 0.01 + 0.1 k) with their errors. A
hit happens at the end of its step, which displaces a ball by up to h|Δv|. Gravity is applied before
the move, so a ball falls ght/2 too far. The released package treats a hit slower than 1 m/s as
inelastic (`b2_velocityThreshold`; the authors compiled theirs with 0.01): such scenes are refused.
Friction is 0 (theirs is the default 0.2, which acts on oblique hits only)."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from physscale.records.errors import UserError
from physscale.records.scene import Behaviour, Shape
from physscale.simulate.batch import Batch, Trace
from physscale.simulate.engines.analytic import VX, VY, time_of_impact
from physscale.simulate.engines.swig_box2d import Box2D

STEP_S = 0.01
VELOCITY_ITERATIONS, POSITION_ITERATIONS = 15, 20
INELASTIC_BELOW_M_S = 1.0


def run(batch: Batch, *, time_s: Float[np.ndarray, " frames"]) -> Trace:
    """States at the given times, one world per scene. Accepts free, fully elastic discs without
    walls.

    Raises:
        UserError: for other bodies, for moments between its steps, and for a pair whose hit would
            be inelastic.
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
    if not (free & (batch.constant("shape") == Shape.DISC)).all():
        raise UserError(
            "engine box2d: this scenario has bodies other than free, elastic discs; use "
            "engine=analytic"
        )
    _refuse_slow_hits(batch, until_s=float(time_s[-1]))
    rows = [_scene(batch, row=row, steps=steps.tolist()) for row in range(len(batch.body))]
    return Trace(
        state=np.array([state for state, _ in rows]),
        contact_s=np.array([contact for _, contact in rows]),
    )


def _refuse_slow_hits(batch: Batch, *, until_s: float) -> None:
    radius = batch.constant("radius_m")
    for second in range(1, batch.body.shape[1]):
        for first in range(second):
            step = batch.start[:, second] - batch.start[:, first]
            apart, closing = step[:, :2], step[:, VX : VY + 1]
            reach = radius[:, first] + radius[:, second]
            time = time_of_impact(apart, closing=closing, reach=reach)
            meets = time <= until_s
            normal = (apart + np.where(meets, time, 0.0)[:, None] * closing) / reach[:, None]
            approach = -(closing * normal).sum(1)
            slow = np.flatnonzero(meets & (approach < INELASTIC_BELOW_M_S))
            if len(slow):
                raise UserError(
                    f"engine box2d: a hit at {approach[slow[0]]:.3g} m/s, and PyPI's Box2D makes "
                    "hits below "
                    f"{INELASTIC_BELOW_M_S:g} m/s inelastic; use engine=pymunk or analytic"
                )


def _scene(
    batch: Batch, *, row: int, steps: list[int]
) -> tuple[list[list[tuple[float, ...]]], float]:
    world = Box2D.b2World(gravity=(0, -float(batch.gravity_m_s2[row])), doSleep=False)
    bodies = [
        _add(world, constant, start)
        for constant, start in zip(batch.body[row].tolist(), batch.start[row].tolist(), strict=True)
    ]
    frames, done, contact_s = [], 0, math.nan
    for step in steps:
        while done < step:
            world.Step(STEP_S, VELOCITY_ITERATIONS, POSITION_ITERATIONS)
            done += 1
            if math.isnan(contact_s) and any(contact.touching for contact in world.contacts):
                contact_s = done * STEP_S
        frames.append(
            [
                (*body.position, body.angle, *body.linearVelocity, body.angularVelocity)
                for body in bodies
            ]
        )
    return frames, contact_s


def _add(world: Any, constant: list[float], start: list[float]) -> Any:  # noqa: ANN401 - SWIG knows no types
    radius, mass = constant[1], constant[3]
    body = world.CreateDynamicBody(
        position=start[:2], angle=start[2], linearVelocity=start[3:5], angularVelocity=start[5]
    )
    body.CreateFixture(
        shape=Box2D.b2CircleShape(radius=radius),
        density=mass / (math.pi * radius**2),
        restitution=1.0,
        friction=0.0,
    )
    return body
