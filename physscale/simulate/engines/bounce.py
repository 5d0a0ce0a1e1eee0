"""The closed form with walls: from contact to contact, exactly.

Between contacts every body flies straight; the next one is the soonest root over all pairs
(`engines.impact`); there a pair of discs exchanges the elastic impulse and a disc that meets a wall
is reflected, v → v - (1 + e)(v·n)n. If a disc touches several walls in one moment (the two lips of
a gap), the contacts act together, along the mean of their normals. A body of mass 0 never moves: a
wall.
"""

import math
from typing import no_type_check

import numpy as np
from jaxtyping import Float

from physscale.records.errors import UserError
from physscale.records.scene import Behaviour, Shape
from physscale.records.video import STATE
from physscale.render.compiled import compiled
from physscale.simulate.batch import Batch, Trace
from physscale.simulate.engines.impact import SAME_MOMENT_S, box_impact, point_impact

CONTACTS_AT_MOST = 10_000
X, Y, ANGLE, VX, VY, _ = range(len(STATE))


def run(batch: Batch, *, time_s: Float[np.ndarray, " frames"]) -> Trace:
    """States at the given times. Accepts free discs among upright walls, without gravity.

    Raises:
        UserError: for scenes beyond that.
    """
    mass, boxes = batch.constant("mass_kg"), batch.constant("shape") == Shape.BOX
    upright = batch.start[..., ANGLE][boxes & (mass == 0.0)] == 0.0
    free = (batch.constant("behaviour") == Behaviour.FREE).all()
    if not (free and upright.all() and (batch.gravity_m_s2 == 0.0).all()):
        raise UserError(
            "engine analytic: walls go with free bodies, upright and without gravity only"
        )
    sizes = np.stack([batch.constant("radius_m"), batch.constant("half_height_m")], axis=-1)
    state = np.empty((len(batch.body), len(time_s), *batch.start.shape[1:]))
    contact_s = np.full(len(batch.body), np.nan)
    _run(batch.start, sizes, boxes, mass, batch.constant("elasticity"), time_s, state, contact_s)
    return Trace(state=state, contact_s=contact_s)


@compiled
@no_type_check
def _run(
    start: np.ndarray,
    sizes: np.ndarray,
    boxes: np.ndarray,
    mass: np.ndarray,
    elasticity: np.ndarray,
    time_s: np.ndarray,
    state: np.ndarray,
    contact_s: np.ndarray,
) -> None:
    bodies = start.shape[1]
    normals = np.zeros((bodies, bodies, 2))
    times = np.empty((bodies, bodies))
    for row in range(start.shape[0]):
        now = start[row].copy()
        clock, frame = 0.0, 0
        for _ in range(CONTACTS_AT_MOST):
            wait = _next(now, sizes[row], boxes[row], mass[row], times, normals)
            while frame < len(time_s) and time_s[frame] <= clock + wait:
                state[row, frame] = now
                for column in range(3):
                    state[row, frame, :, column] += now[:, VX + column] * (time_s[frame] - clock)
                frame += 1
            if frame == len(time_s):
                break
            for column in range(3):
                now[:, column] += now[:, VX + column] * wait
            clock += wait
            _collide(now, boxes[row], mass[row], elasticity[row], wait, times, normals)
            if math.isnan(contact_s[row]):
                contact_s[row] = clock
        assert frame == len(time_s), "more contacts than a scene can have"


@compiled
@no_type_check
def _next(
    now: np.ndarray,
    sizes: np.ndarray,
    boxes: np.ndarray,
    mass: np.ndarray,
    times: np.ndarray,
    normals: np.ndarray,
) -> float:
    """Seconds to the next contact; fills times and normals of every pair (first a disc, the normal
    points to it)."""
    soonest = np.inf
    times[:] = np.inf
    for disc in range(len(now)):
        if boxes[disc] or mass[disc] == 0.0:
            continue
        for other in range(len(now)):
            x, y = now[disc, X] - now[other, X], now[disc, Y] - now[other, Y]
            vx, vy = now[disc, VX] - now[other, VX], now[disc, VY] - now[other, VY]
            if boxes[other] and mass[other] == 0.0:
                time = box_impact(
                    x,
                    y,
                    vx,
                    vy,
                    sizes[disc, 0],
                    sizes[other, 0],
                    sizes[other, 1],
                    normals[disc, other],
                )
            elif not boxes[other] and (disc < other or mass[other] == 0.0):
                time = point_impact(x, y, vx, vy, sizes[disc, 0] + sizes[other, 0])
            else:
                continue
            times[disc, other] = time
            soonest = min(soonest, time)
    return soonest


@compiled
@no_type_check
def _collide(
    now: np.ndarray,
    boxes: np.ndarray,
    mass: np.ndarray,
    elasticity: np.ndarray,
    wait: float,
    times: np.ndarray,
    normals: np.ndarray,
) -> None:
    """Impulses of all contacts of this moment, positions already moved to it."""
    for disc in range(len(now)):
        mean = np.zeros(2)
        restitution = 1.0
        for other in range(len(now)):
            if times[disc, other] > wait + SAME_MOMENT_S:
                continue
            if boxes[other]:
                mean += normals[disc, other]
                restitution = elasticity[disc] * elasticity[other]
            else:
                _exchange(now, disc, other, mass, elasticity[disc] * elasticity[other])
        length = math.hypot(mean[0], mean[1])
        if length > 0.0:
            mean /= length
            into = now[disc, VX] * mean[0] + now[disc, VY] * mean[1]
            if into < 0.0:
                now[disc, VX] -= (1.0 + restitution) * into * mean[0]
                now[disc, VY] -= (1.0 + restitution) * into * mean[1]


@compiled
@no_type_check
def _exchange(
    now: np.ndarray, first: int, second: int, mass: np.ndarray, restitution: float
) -> None:
    """The elastic hit of two discs along the line of their centres."""
    nx, ny = now[first, X] - now[second, X], now[first, Y] - now[second, Y]
    length = math.hypot(nx, ny)
    nx, ny = nx / length, ny / length
    closing = (now[first, VX] - now[second, VX]) * nx + (now[first, VY] - now[second, VY]) * ny
    if closing >= 0.0:
        return
    light, heavy = 1.0 / mass[first], 0.0 if mass[second] == 0.0 else 1.0 / mass[second]
    impulse = -(1.0 + restitution) * closing / (light + heavy)
    now[first, VX] += impulse * light * nx
    now[first, VY] += impulse * light * ny
    now[second, VX] -= impulse * heavy * nx
    now[second, VY] -= impulse * heavy * ny
