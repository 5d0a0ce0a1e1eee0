"""The closed form: the reference for every other engine, vectorised over scenes.

It knows two laws and one table. Free flight is p + vt - ½gt². One elastic hit of two discs happens
at the smaller root of |Δp + Δv t| = r₁ + r₂: along the line of centres Δv·n → -e Δv·n, with total
momentum kept (gravity is common to both and drops out of Δ). The behaviours are those of
`simulate.behaviour`. Scenes with walls go from contact to contact (`engines.bounce`).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from physscale.records.errors import UserError
from physscale.records.scene import Behaviour, Shape
from physscale.records.video import PLACE, STATE, VELOCITY
from physscale.simulate.batch import Batch, Trace
from physscale.simulate.behaviour import along
from physscale.simulate.engines import bounce

X, Y, ANGLE, VX, VY, OMEGA = range(len(STATE))
CONTACT_TOLERANCE_M = 1e-9


@dataclass(frozen=True)
class Hit:
    """The elastic hit of two discs: when (infinite: never) and by how much each velocity changes,
    shape (batch, bodies, 2)."""

    time_s: Float[np.ndarray, " batch"]
    change_m_s: Float[np.ndarray, "batch bodies 2"]


def run(batch: Batch, *, time_s: Float[np.ndarray, " frames"]) -> Trace:
    """States at the given times. Accepts any number of bodies that never touch, two free discs that
    may, and discs among walls.

    Raises:
        UserError: for a body on a rod, which has no such closed form.
    """
    if batch.rod is not None:
        raise UserError("engine analytic: moves free bodies, and none on a rod; use engine=pymunk")
    if bool((batch.constant("mass_kg") == 0.0).any()):
        return bounce.run(batch, time_s=time_s)
    free = bool((batch.constant("behaviour") == Behaviour.FREE).all())
    bodies = batch.body.shape[1]
    state = _flight(batch, time_s=time_s)
    contact_s = np.full(len(batch.body), np.nan)
    if bodies == 2 and free and bool((batch.constant("shape") == Shape.DISC).all()):
        hit = _hit(batch)
        after = np.where(
            np.isfinite(hit.time_s)[:, None],
            np.maximum(time_s[None] - hit.time_s[:, None], 0.0),
            0.0,
        )
        state[..., PLACE] += after[:, :, None, None] * hit.change_m_s[:, None]
        state[..., VELOCITY] += (after > 0)[:, :, None, None] * hit.change_m_s[:, None]
        contact_s = np.where(hit.time_s <= time_s[-1], hit.time_s, np.nan)
    _assert_apart(batch, state=state)
    return Trace(state=state, contact_s=contact_s)


def _flight(
    batch: Batch, *, time_s: Float[np.ndarray, " frames"]
) -> Float[np.ndarray, "batch frames bodies state"]:
    """Every body alone: its behaviour along its first direction, gravity downwards."""
    time = time_s[None, :, None]
    start = batch.start[:, None]
    state = np.broadcast_to(start, (len(batch.start), len(time_s), *batch.start.shape[1:])).copy()
    if bool((batch.constant("behaviour") == Behaviour.FREE).all()):
        state[..., X] += start[..., VX] * time
        state[..., Y] += start[..., VY] * time
    else:
        speed = np.hypot(start[..., VX], start[..., VY])
        shape = np.broadcast_shapes(speed.shape, time.shape)
        path = along(
            np.broadcast_to(batch.constant("behaviour")[:, None], shape).astype(int),
            speed_m_s=np.broadcast_to(speed, shape),
            time_s=np.broadcast_to(time, shape),
        )
        direction = start[..., VELOCITY] / np.where(speed > 0, speed, 1.0)[..., None]
        state[..., PLACE] += path.distance_m[..., None] * direction
        state[..., VELOCITY] = path.speed_m_s[..., None] * direction
    gravity = batch.gravity_m_s2[:, None, None]
    state[..., Y] -= 0.5 * gravity * time**2
    state[..., VY] -= gravity * time
    state[..., ANGLE] += start[..., OMEGA] * time
    return state


def _hit(batch: Batch) -> Hit:
    """The first contact of bodies 0 and 1."""
    position, velocity = batch.start[..., PLACE], batch.start[..., VELOCITY]
    reach = batch.constant("radius_m").sum(1)
    apart, closing = position[:, 1] - position[:, 0], velocity[:, 1] - velocity[:, 0]
    time = time_of_impact(apart, closing=closing, reach=reach)
    meets = np.isfinite(time)
    normal = (apart + np.where(meets, time, 0.0)[:, None] * closing) / reach[:, None]
    mass = batch.constant("mass_kg")
    restitution = batch.constant("elasticity").prod(1)
    impulse = -(1.0 + restitution) * (closing * normal).sum(1) * mass.prod(1) / mass.sum(1)
    push = np.where(meets, impulse, 0.0)[:, None] * normal
    return Hit(time, np.stack([-push / mass[:, :1], push / mass[:, 1:]], axis=1))


def time_of_impact(
    apart: Float[np.ndarray, "batch 2"],
    *,
    closing: Float[np.ndarray, "batch 2"],
    reach: Float[np.ndarray, " batch"],
) -> Float[np.ndarray, " batch"]:
    """Seconds until two discs touch: smaller root of |apart + closing t| = reach, infinite where
    they part or miss."""
    square = (closing**2).sum(1)
    half = (apart * closing).sum(1)
    gap = (apart**2).sum(1) - reach**2
    discriminant = half**2 - square * gap
    meets = (half < 0) & (discriminant > 0) & (gap > -CONTACT_TOLERANCE_M)
    root = np.sqrt(np.where(meets, discriminant, 1.0))
    return np.where(meets, np.maximum(gap, 0.0) / np.where(meets, root - half, 1.0), np.inf)


def _assert_apart(batch: Batch, *, state: Float[np.ndarray, "batch frames bodies state"]) -> None:
    """The closed form covers no other contacts, so overlapping bodies mean a scene that it cannot
    solve."""
    is_box = batch.constant("shape") == Shape.BOX
    radius = np.where(
        is_box,
        np.hypot(batch.constant("radius_m"), batch.constant("half_height_m")),
        batch.constant("radius_m"),
    )
    for second in range(1, batch.body.shape[1]):
        for first in range(second):
            gap = np.hypot(
                *np.moveaxis(state[:, :, second, PLACE] - state[:, :, first, PLACE], -1, 0)
            )
            overlap = (radius[:, first] + radius[:, second])[:, None] - gap
            assert float(overlap.max()) < 1e-6, (
                "bodies overlap: this scene has contacts that the closed form does not cover"
            )
