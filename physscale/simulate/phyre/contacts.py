"""Makes PyPI's `box2d` (2.3.0) treat contacts as PHYRE's Box2D (2.3.2) does, through its contact
listener.

The versions differ in three ways that matter. Two are corrected here: the face by which two
polygons push each other (`phyre.faces`), and the sleep timer, which 2.3.2 restarts whenever a body
begins or ceases to touch another, or an impact cuts its step short. The third is corrected only in
part: 2.3.2 rounds the position of such an impact differently in the last bit. Static bodies, which
2.3.0 moves by that bit, are put back. In moving bodies the bit remains, and chaos amplifies it.

A scene has some thousand callbacks. So whatever stays the same while two fixtures touch is looked
up once, when they begin to touch, and poses and manifolds are read from Box2D's own memory."""

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from physscale.records.leaving import sheltered
from physscale.simulate.engines.swig_box2d import Box2D
from physscale.simulate.phyre.faces import APART, RIGHT, SECOND, touching_points, wrong_edge

FIRST_FACE, SECOND_FACE = 1, 2
POSE_FLOATS, MANIFOLD_FLOATS = 4, 16
"""`b2Transform`: x, y, sine, cosine. `b2Manifold`: two points of 20 bytes, normal, point, kind,
count."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """A fixture's corners and normals as Box2D holds them; the fixture carries it as user data."""

    corners: Float32[np.ndarray, "corners 2"]
    normals: Float32[np.ndarray, "corners 2"]


def polygon_of(shape: Any) -> Polygon:  # noqa: ANN401 - SWIG knows no types
    return Polygon(np.array(shape.vertices, np.float32), np.array(shape.normals, np.float32))


def floats_of(held: Any, count: int) -> Float32[np.ndarray, " count"]:  # noqa: ANN401
    """The memory behind a SWIG pointer, as long as Box2D keeps it."""
    return np.frombuffer(
        memoryview((ctypes.c_float * count).from_address(int(held.this))), np.float32
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Home:
    """A static body: its pose and centre in Box2D's memory, and where it belongs."""

    pose: np.ndarray
    centre: Any
    x: float
    y: float

    def stay(self) -> None:
        """Undoes the last bit by which 2.3.0 moves a static body when an impact cuts the step
        short."""
        if self.centre[0] != self.x or self.centre[1] != self.y:
            self.centre[:] = self.x, self.y
            self.pose[:2] = self.x, self.y


@dataclass(eq=False, slots=True)
class _Moving:
    """A dynamic body: its pose and velocity in Box2D's memory, and the last step that an impact cut
    short for it."""

    held: Any
    pose: np.ndarray
    velocity: Any
    cut_in_step: int = -1

    def stay_awake(self) -> None:
        """Restarts the timer after which a body at rest falls asleep."""
        held = self.held
        if held.awake:
            (x, y), spin = self.velocity, held.angularVelocity
            held.awake = False
            held.awake = True
            self.velocity[:], held.angularVelocity = (x, y), spin


@dataclass(eq=False, slots=True)
class _Touch:
    """Two fixtures from when they begin to touch until they cease to. `faces`: the arguments of
    `wrong_edge`, None where one is round."""

    moving: tuple[_Moving, ...]
    homes: tuple[_Home, ...]
    faces: tuple[np.ndarray, ...] | None
    solved_in_step: int = -1


class Contacts(Box2D.b2ContactListener):  # type: ignore[misc]
    """Set it as the world's `contactListener`, keep it alive as long as the world, and call
    `begin_step` before each of its steps.

    Polygon fixtures carry their `Polygon` as user data and other fixtures None; static bodies carry
    their centre and others None."""

    def __init__(self) -> None:
        super().__init__()
        self._step = 0
        self._touches: dict[int, _Touch] = {}
        self._bodies: dict[int, _Home | _Moving] = {}

    def begin_step(self) -> None:
        self._step += 1

    @sheltered
    def BeginContact(self, contact: Any) -> None:  # noqa: ANN401, N802
        touch = self._touches[int(contact.this)] = self._touch(contact)
        for body in touch.moving:
            body.stay_awake()

    @sheltered
    def EndContact(self, contact: Any) -> None:  # noqa: ANN401, N802
        for body in self._touches.pop(int(contact.this)).moving:
            body.stay_awake()

    @sheltered
    def PreSolve(self, contact: Any, before: Any) -> None:  # noqa: ANN401, N802
        touch = self._touches[int(contact.this)]
        if touch.solved_in_step == self._step:
            self._impact(touch)
        touch.solved_in_step = self._step
        for home in touch.homes:
            home.stay()
        if touch.faces is not None:
            edge = wrong_edge(*touch.faces)
            if edge != RIGHT:
                _put_right(contact, edge, faces=touch.faces, before=before)

    @sheltered
    def PostSolve(self, contact: Any, impulse: Any) -> None:  # noqa: ANN401, N802
        """Nothing; the inherited one would call back into Box2D for it."""

    def _impact(self, touch: _Touch) -> None:
        """A contact is solved a second time within a step when a fast impact cuts the step short.
        That restarts the timer too. The timer runs only before such impacts, so once per step is
        enough."""
        for body in touch.moving:
            if body.cut_in_step != self._step:
                body.cut_in_step = self._step
                body.stay_awake()

    def _touch(self, contact: Any) -> _Touch:  # noqa: ANN401
        fixture, other = contact.fixtureA, contact.fixtureB
        bodies = self._body(fixture.body), self._body(other.body)
        moving = tuple(body for body in bodies if isinstance(body, _Moving))
        homes = tuple(body for body in bodies if isinstance(body, _Home))
        first, second = fixture.userData, other.userData
        if first is None or second is None:
            return _Touch(moving, homes, None)
        manifold = floats_of(contact.manifold, MANIFOLD_FLOATS)
        return _Touch(
            moving,
            homes,
            (
                first.corners,
                first.normals,
                bodies[0].pose,
                second.corners,
                second.normals,
                bodies[1].pose,
                manifold,
            ),
        )

    def _body(self, held: Any) -> _Home | _Moving:  # noqa: ANN401
        number = int(held.this)
        if number not in self._bodies:
            pose, home = floats_of(held.transform, POSE_FLOATS), held.userData
            self._bodies[number] = (
                _Moving(held, pose, _pair_of(held.linearVelocity))
                if home is None
                else _Home(pose, _pair_of(held.worldCenter), *home)
            )
        return self._bodies[number]


def _pair_of(vector: Any) -> Any:  # noqa: ANN401
    """Two floats in Box2D's memory; single numbers are read faster by `ctypes` than by NumPy."""
    return (ctypes.c_float * 2).from_address(int(vector.this))


def _put_right(contact: Any, edge: int, *, faces: tuple[np.ndarray, ...], before: Any) -> None:  # noqa: ANN401
    if edge == APART:
        contact.enabled = False
        return
    first, normals, pose, second, others, at, _ = faces
    if edge < SECOND:
        plane, points, ids = touching_points(edge, first, pose, second, others, at)
    else:
        plane, points, ids = touching_points(edge - SECOND, second, at, first, normals, pose)
        ids = exchanged(ids)
    contact.enabled = len(points) > 0
    face = FIRST_FACE if edge < SECOND else SECOND_FACE
    _rewrite(contact.manifold, face=face, plane=plane, points=points, ids=ids, before=before)


def exchanged(ids: np.ndarray) -> np.ndarray:
    """The features with the two polygons' parts exchanged."""
    return (ids & 0x00FF00FF) << 8 | (ids & 0xFF00FF00) >> 8


def _rewrite(
    manifold: Any,  # noqa: ANN401
    *,
    face: int,
    plane: np.ndarray,
    points: np.ndarray,
    ids: np.ndarray,
    before: Any,  # noqa: ANN401
) -> None:
    """Puts other points into a manifold; impulses of the step before stay with their features."""
    impulses = {
        point.id.key: (point.normalImpulse, point.tangentImpulse) for point in before.points
    }
    manifold.type_, manifold.pointCount = face, len(points)
    manifold.localNormal, manifold.localPoint = plane.tolist()
    for held, point, key in zip(manifold.points, points.tolist(), ids.tolist(), strict=True):
        held.localPoint, held.id.key = point, key
        held.normalImpulse, held.tangentImpulse = impulses.get(key, (0.0, 0.0))
