"""Makes PyPI's `box2d` (2.3.0) treat contacts as PHYRE's Box2D (2.3.2) does, from outside, through its contact listener.

The versions differ in three ways that matter. Put right here: the face by which two polygons push each other (`phyre.faces`), and the sleep
timer, which 2.3.2 starts anew whenever a body begins or ceases to touch, or an impact cuts its step short. The third only in part: 2.3.2
rounds the place of such an impact differently in the last bit. Static bodies, which 2.3.0 moves by that bit, are put back; what is left of
it in moving bodies cannot be reached from here, and chaos does the rest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from physscale.simulate.engines.swig_box2d import Box2D
from physscale.simulate.phyre.faces import APART, SECOND, reference_edge, touching_points

FIRST_FACE, SECOND_FACE = 1, 2


@dataclass(frozen=True, eq=False)
class Polygon:
    """A fixture's corners and normals as Box2D holds them and the middles of its edges; the fixture carries it as user data."""

    corners: Float32[np.ndarray, "corners 2"]
    normals: Float32[np.ndarray, "corners 2"]
    middles: list[tuple[float, float]]


def polygon_of(shape: Any) -> Polygon:  # noqa: ANN401 - SWIG knows no types
    corners, normals = np.array(shape.vertices, np.float32), np.array(shape.normals, np.float32)
    middles = np.float32(0.5) * (corners + np.roll(corners, -1, axis=0))
    return Polygon(corners, normals, [(float(x), float(y)) for x, y in middles])


class Contacts(Box2D.b2ContactListener):  # type: ignore[misc]
    """To be set as the world's `contactListener`, and kept alive as long as the world; `begin_step` comes before each of its steps.

    Polygon fixtures carry their `Polygon` as user data and other fixtures None; static bodies carry their centre and others None.
    """

    def __init__(self) -> None:
        super().__init__()
        self._solved: set[int] = set()

    def begin_step(self) -> None:
        self._solved.clear()

    def BeginContact(self, contact: Any) -> None:  # noqa: ANN401, N802
        _stay_awake(contact.fixtureA.body)
        _stay_awake(contact.fixtureB.body)

    def EndContact(self, contact: Any) -> None:  # noqa: ANN401, N802
        _stay_awake(contact.fixtureA.body)
        _stay_awake(contact.fixtureB.body)

    def PreSolve(self, contact: Any, before: Any) -> None:  # noqa: ANN401, N802
        fixture, other = contact.fixtureA, contact.fixtureB
        body, against = fixture.body, other.body
        self._note_impact(contact, body, against)
        first, second = fixture.userData, other.userData
        if first is None or second is None:
            return
        pose, at = _pose(body), _pose(against)
        edge = reference_edge(first.corners, first.normals, pose, second.corners, second.normals, at)
        manifold = contact.manifold
        if edge == APART:
            contact.enabled = False
            return
        owner, number, face = (first, edge, FIRST_FACE) if edge < SECOND else (second, edge - SECOND, SECOND_FACE)
        middle = manifold.localPoint
        if manifold.type_ == face and (middle.x, middle.y) == owner.middles[number]:
            return
        if face == FIRST_FACE:
            plane, points, ids = touching_points(number, first.corners, pose, second.corners, second.normals, at)
        else:
            plane, points, ids = touching_points(number, second.corners, at, first.corners, first.normals, pose)
            ids = exchanged(ids)
        contact.enabled = len(points) > 0
        _rewrite(manifold, face=face, plane=plane, points=points, ids=ids, before=before)

    def _note_impact(self, contact: Any, body: Any, against: Any) -> None:  # noqa: ANN401
        """A contact comes a second time within one step when a fast impact cuts the step short: that, too, starts the timer anew."""
        number = int(contact.this)
        if number in self._solved:
            _stay_awake(body)
            _stay_awake(against)
        self._solved.add(number)
        _stay_in_place(body)
        _stay_in_place(against)


def _pose(body: Any) -> Float32[np.ndarray, "4"]:  # noqa: ANN401
    transform = body.transform
    place, turn = transform.position, transform.R
    return np.array((place.x, place.y, turn.s, turn.c), np.float32)


def exchanged(ids: np.ndarray) -> np.ndarray:
    """The features with the two polygons' parts exchanged."""
    return (ids & 0x00FF00FF) << 8 | (ids & 0xFF00FF00) >> 8


def _rewrite(manifold: Any, *, face: int, plane: np.ndarray, points: np.ndarray, ids: np.ndarray, before: Any) -> None:  # noqa: ANN401
    """Puts other points into a manifold; impulses of the step before stay with their features."""
    impulses = {point.id.key: (point.normalImpulse, point.tangentImpulse) for point in before.points}
    manifold.type_, manifold.pointCount = face, len(points)
    manifold.localNormal, manifold.localPoint = plane.tolist()
    for held, point, key in zip(manifold.points, points.tolist(), ids.tolist(), strict=True):
        held.localPoint, held.id.key = point, key
        held.normalImpulse, held.tangentImpulse = impulses.get(key, (0.0, 0.0))


def _stay_awake(body: Any) -> None:  # noqa: ANN401
    """Starts the timer anew after which a body at rest falls asleep."""
    if body.type != Box2D.b2_dynamicBody or not body.awake:
        return
    velocity, spin = tuple(body.linearVelocity), body.angularVelocity
    body.awake = False
    body.awake = True
    body.linearVelocity, body.angularVelocity = velocity, spin


def _stay_in_place(body: Any) -> None:  # noqa: ANN401
    """Takes back the last bit by which 2.3.0 moves a static body, too, when an impact cuts the step short."""
    home = body.userData
    if home is None:
        return
    centre = body.worldCenter
    if (centre.x, centre.y) != home:
        centre.x, centre.y = home
        place = body.transform.position
        place.x, place.y = home
