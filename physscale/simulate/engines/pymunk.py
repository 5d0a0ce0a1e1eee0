"""pymunk (Chipmunk2D, double precision), stepped so that it meets the closed form.

A fixed step smears a hit over the step: up to h|Δv|, more than a pixel. Here the space is stepped
to the disc–disc time of impact (a quadratic; equal gravity drops out of it) plus 1 ns, so the
solver sees the contact at its true place, and then to the next frame. Gravity is a kick-drift-kick
around each step, which is exact for ballistic flight. Chipmunk's defaults that would bend the law
are set to none: collision slop (0.1 *world units* by default), friction, damping."""

import math
from dataclasses import dataclass

import numpy as np
import pymunk
from jaxtyping import Float

from physscale.records.errors import UserError
from physscale.records.leaving import shelter_inner
from physscale.records.scene import Behaviour, Shape
from physscale.records.video import ROD
from physscale.simulate.batch import COLUMN, Batch, Trace
from physscale.simulate.behaviour import ACCELERATION_M_S2, BRAKE_PER_S, ONSET_S, SPEED_FACTOR
from physscale.simulate.engines.impact import box_impact, point_impact

# What pymunk's destructors have not taken out of a space before it is freed is freed twice.
shelter_inner(
    pymunk.Space.__init__,
    pymunk.Body.__init__,
    pymunk.Shape._init,
    pymunk.constraints.Constraint._init,
)

PAST_CONTACT_S = 1e-9
ROD_TOLERANCE_M = 1e-6
ROD_STEP_S = 1e-3
"""Longest step of a scene with rods; the error of a swing falls with its square."""


def run(batch: Batch, *, time_s: Float[np.ndarray, " frames"]) -> Trace:
    """States at the given times, one space per scene. Accepts discs that hit each other or a wall
    (an upright box of mass 0) one at a time, free or on a rod.

    Raises:
        UserError: for other moving bodies, several walls, or a rod that is not as long as its body
            is far.
    """
    discs, walls = batch.constant("shape") == Shape.DISC, batch.constant("mass_kg") == 0.0
    if not (discs | walls).all():
        raise UserError(
            "engine pymunk: this scenario has moving bodies other than discs; use engine=analytic"
        )
    if (walls.sum(1) > 1).any():
        raise UserError(
            "engine pymunk: this scenario has several walls, which one body may touch at once; "
            "use engine=analytic"
        )
    _check_rods(batch)
    rows = [_scene(batch, row=row, time_s=time_s.tolist()) for row in range(len(batch.body))]
    return Trace(
        state=np.array([state for state, _ in rows]),
        contact_s=np.array([contact for _, contact in rows]),
    )


def _check_rods(batch: Batch) -> None:
    if batch.rod is None:
        return
    away = np.hypot(*np.moveaxis(batch.start[..., :2] - batch.rod[..., :2], -1, 0))
    wrong = np.argwhere(np.abs(away - batch.rod[..., 2]) > ROD_TOLERANCE_M)
    if len(wrong):
        row, body = wrong[0].tolist()
        raise UserError(
            f"rod: its body is {away[row, body]:g} m from the anchor; length_m="
            f"{batch.rod[row, body, 2]:g} must be that"
        )


def _scene(
    batch: Batch, *, row: int, time_s: list[float]
) -> tuple[list[list[tuple[float, ...]]], float]:
    world = _World(batch, row=row)
    frames = []
    for moment in time_s:
        world.advance(moment)
        frames.append(world.states())
    return frames, world.contact_s


@dataclass(frozen=True)
class _Rod:
    """A body that swings about a fixed point, stepped by RATTLE (Andersen, J. Comput. Phys. 52,
    1983): the drift ends on the circle, and the velocity after it is along the circle."""

    body: pymunk.Body
    anchor: pymunk.Vec2d
    length_m: float

    def joint(self, space: pymunk.Space) -> pymunk.PinJoint:
        """What Chipmunk's solver knows of the rod, for contacts."""
        joint = pymunk.PinJoint(space.static_body, self.body, tuple(self.anchor), (0.0, 0.0))
        joint.distance = self.length_m
        return joint

    def aim(self, step_s: float) -> None:
        """Pull along the rod so that a straight drift of this step ends at its length: the smaller
        root of |r (1 + s) + v t|² = L²."""
        rod = self.body.position - self.anchor
        ahead = rod + self.body.velocity * step_s
        square, half = rod.dot(rod), rod.dot(ahead)
        root = math.sqrt(half**2 - square * (ahead.dot(ahead) - self.length_m**2))
        self.body.velocity += rod * ((root - half) / square / step_s)

    def straighten(self) -> None:
        """Leave only the velocity along the circle."""
        rod = self.body.position - self.anchor
        self.body.velocity -= rod * (self.body.velocity.dot(rod) / rod.dot(rod))


class _World:
    """One scene in motion: the space, the clock, and what each body does by itself."""

    def __init__(self, batch: Batch, *, row: int) -> None:
        self.space = pymunk.Space()
        self.space.collision_slop = 0.0
        self.normal = np.empty(2)
        self.gravity = float(batch.gravity_m_s2[row])
        self.time_s, self.contact_s = 0.0, math.nan
        self.all, self.bodies, self.radius_m, self.behaviour = [], [], [], []
        self.walls: list[tuple[pymunk.Body, float, float]] = []
        self.rods: list[_Rod] = []
        rods = np.full((len(batch.body[row]), len(ROD)), np.nan)
        if batch.rod is not None:
            rods = batch.rod[row]
        for constant, start, rod in zip(
            batch.body[row].tolist(), batch.start[row].tolist(), rods.tolist(), strict=True
        ):
            mass, radius = constant[COLUMN["mass_kg"]], constant[COLUMN["radius_m"]]
            if mass == 0.0:
                self._add_wall(
                    start[0],
                    start[1],
                    half_width=radius,
                    half_height=constant[COLUMN["half_height_m"]],
                )
                continue
            body = pymunk.Body(mass, pymunk.moment_for_circle(mass, 0.0, radius))
            body.position = (start[0], start[1])
            body.angle = start[2]
            body.velocity = (start[3], start[4])
            body.angular_velocity = start[5]
            disc = pymunk.Circle(body, radius)
            disc.elasticity, disc.friction = constant[COLUMN["elasticity"]], 0.0
            self.space.add(body, disc)
            self.all.append(body)
            self.bodies.append(body)
            self.radius_m.append(radius)
            self.behaviour.append(Behaviour(int(constant[COLUMN["behaviour"]])))
            if math.isfinite(rod[0]):
                held = _Rod(body, pymunk.Vec2d(rod[0], rod[1]), rod[2])
                self.rods.append(held)
                self.space.add(held.joint(self.space))

    def _add_wall(self, x: float, y: float, *, half_width: float, half_height: float) -> None:
        body = pymunk.Body(body_type=pymunk.Body.STATIC)
        body.position = (x, y)
        box = pymunk.Poly.create_box(body, (2 * half_width, 2 * half_height))
        box.elasticity, box.friction = 1.0, 0.0
        self.space.add(body, box)
        self.all.append(body)
        self.walls.append((body, half_width, half_height))

    def states(self) -> list[tuple[float, ...]]:
        return [
            (*body.position, body.angle, *body.velocity, body.angular_velocity) for body in self.all
        ]

    def advance(self, moment_s: float) -> None:
        """Move to this moment, stopping at every contact and at the behaviours' onset."""
        while self.time_s < moment_s:
            until = moment_s
            if self.time_s < ONSET_S < moment_s and any(self.behaviour):
                until = ONSET_S
            if self.rods:
                until = min(until, self.time_s + ROD_STEP_S)
            impact = self.time_s + self._next_impact() + PAST_CONTACT_S
            hits = impact <= until
            self._step((impact if hits else until) - self.time_s)
            self.time_s = impact if hits else until
            if hits and math.isnan(self.contact_s):
                self.contact_s = impact - PAST_CONTACT_S
            if self.time_s == ONSET_S:
                self._onset()

    def _step(self, step_s: float) -> None:
        """Kick, drift, kick: the drift velocity is the mean over the step, so the drift is
        exact."""
        started = self.time_s >= ONSET_S
        decay = BRAKE_PER_S * step_s
        for body, behaviour in zip(self.bodies, self.behaviour, strict=True):
            if started and behaviour is Behaviour.BRAKE:
                body.velocity *= -math.expm1(-decay) / decay
            self._kick(body, behaviour, half_s=step_s / 2 if started else 0.0)
            body.velocity += (0.0, -self.gravity * step_s / 2)
        for rod in self.rods:
            rod.aim(step_s)
        self.space.step(step_s)
        for body, behaviour in zip(self.bodies, self.behaviour, strict=True):
            body.velocity += (0.0, -self.gravity * step_s / 2)
            self._kick(body, behaviour, half_s=step_s / 2 if started else 0.0)
            if started and behaviour is Behaviour.BRAKE:
                body.velocity *= decay * math.exp(-decay) / -math.expm1(-decay)
        for rod in self.rods:
            rod.straighten()

    def _kick(self, body: pymunk.Body, behaviour: Behaviour, *, half_s: float) -> None:
        if behaviour is Behaviour.ACCELERATE and half_s > 0 and body.velocity.length > 0:
            body.velocity += body.velocity.normalized() * (ACCELERATION_M_S2 * half_s)

    def _onset(self) -> None:
        for body, behaviour in zip(self.bodies, self.behaviour, strict=True):
            body.velocity *= SPEED_FACTOR.get(behaviour, 1.0)

    def _next_impact(self) -> float:
        """Seconds to the first contact of any approaching pair, infinite if there is none."""
        soonest = math.inf
        for second in range(1, len(self.bodies)):
            for first in range(second):
                apart = self.bodies[first].position - self.bodies[second].position
                closing = self.bodies[first].velocity - self.bodies[second].velocity
                soonest = min(
                    soonest,
                    point_impact(*apart, *closing, self.radius_m[first] + self.radius_m[second]),
                )
        for wall, half_width, half_height in self.walls:
            for body, radius in zip(self.bodies, self.radius_m, strict=True):
                x, y = body.position - wall.position
                soonest = min(
                    soonest,
                    box_impact(x, y, *body.velocity, radius, half_width, half_height, self.normal),
                )
        return soonest
