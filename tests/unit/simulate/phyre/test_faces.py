"""Contacts of polygons as Box2D 2.3.2 makes them: the bits of the installed 2.3.0 wherever both
choose one face, else the better face."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from physscale.simulate.engines.swig_box2d import Box2D
from physscale.simulate.phyre.contacts import (
    FIRST_FACE,
    MANIFOLD_FLOATS,
    POSE_FLOATS,
    SECOND_FACE,
    Polygon,
    exchanged,
    floats_of,
    polygon_of,
)
from physscale.simulate.phyre.faces import (
    APART,
    RIGHT,
    SECOND,
    reference_edge,
    touching_points,
    wrong_edge,
)

PAIRS = 1500


@dataclass(frozen=True)
class Side:
    """One box of a pair, on both sides of the fence."""

    shape: Any
    transform: Any
    polygon: Polygon
    pose: np.ndarray


def side(half: np.ndarray, centre: np.ndarray, angle: float) -> Side:
    w, h = half.tolist()
    shape = Box2D.b2PolygonShape(vertices=[(w, h), (-w, h), (-w, -h), (w, -h)])
    transform = Box2D.b2Transform()
    transform.SetIdentity()
    transform.position, transform.angle = tuple(centre.tolist()), angle
    pose = floats_of(transform, POSE_FLOATS)
    np.testing.assert_array_equal(
        pose,
        np.array(
            (transform.position.x, transform.position.y, transform.R.s, transform.R.c), np.float32
        ),
    )
    return Side(shape, transform, polygon_of(shape), pose)


def pair(rng: np.random.Generator) -> tuple[Side, Side]:
    """Half of the pairs stand square to each other within 1e-4 rad, as stacked bars do."""
    angle = rng.uniform(-4, 4)
    other = (
        angle + rng.integers(4) * math.pi / 2 + rng.normal() * 1e-4
        if rng.random() < 0.5
        else rng.uniform(-4, 4)
    )
    return (
        side(rng.uniform(0.2, 6, 2), rng.uniform(-3, 3, 2), angle),
        side(rng.uniform(0.2, 6, 2), rng.uniform(-3, 3, 2), other),
    )


def chosen(first: Side, second: Side) -> int:
    one, other = first.polygon, second.polygon
    return reference_edge(
        one.corners, one.normals, first.pose, other.corners, other.normals, second.pose
    )


def middle(polygon: Polygon, edge: int) -> tuple[float, float]:
    x, y = (
        np.float32(0.5) * (polygon.corners[edge] + np.roll(polygon.corners, -1, axis=0)[edge])
    ).tolist()
    return x, y


def test_the_same_face_gives_the_packages_own_manifold_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    compared = np.zeros(3, int)
    for _ in range(PAIRS):
        first, second = pair(rng)
        theirs = Box2D.b2Manifold()
        Box2D.b2CollidePolygons(
            theirs, first.shape, first.transform, second.shape, second.transform
        )
        edge = chosen(first, second)
        if edge == APART:
            assert theirs.pointCount == 0
            continue
        face, number, owner, other = (
            (SECOND_FACE, edge - SECOND, second, first)
            if edge >= SECOND
            else (FIRST_FACE, edge, first, second)
        )
        same = theirs.type_ == face and (theirs.localPoint.x, theirs.localPoint.y) == middle(
            owner.polygon, number
        )
        verdict = wrong_edge(
            *(first.polygon.corners, first.polygon.normals, first.pose),
            *(second.polygon.corners, second.polygon.normals, second.pose),
            floats_of(theirs, MANIFOLD_FLOATS),
        )
        assert verdict == (RIGHT if same else edge), "the manifold is read where Box2D keeps it"
        if not same or not theirs.pointCount:
            compared[0] += 1
            continue
        plane, points, ids = touching_points(
            number,
            owner.polygon.corners,
            owner.pose,
            other.polygon.corners,
            other.polygon.normals,
            other.pose,
        )
        np.testing.assert_array_equal(
            points, np.array([[*point.localPoint] for point in theirs.points], np.float32)
        )
        np.testing.assert_array_equal(
            plane, np.array([[*theirs.localNormal], [*theirs.localPoint]], np.float32)
        )
        assert [point.id.key for point in theirs.points] == (
            exchanged(ids) if face == SECOND_FACE else ids
        ).tolist()
        compared[face] += 1
    assert compared[0] > 50, "the versions do differ"
    assert (compared[1:] > 300).all()


@pytest.mark.parametrize(("overlap_m", "face"), [(0.3, FIRST_FACE), (0.05, SECOND_FACE)])
def test_the_face_of_least_overlap_pushes(overlap_m: float, face: int) -> None:
    """A square turned by 45° stands with a corner in a large box: its depth is measured by the
    box's face, whichever comes first."""
    box = side(np.array([4.0, 1.0]), np.array([0.0, -1.0]), 0.0)
    square = side(np.array([1.0, 1.0]), np.array([0.0, math.sqrt(2) - overlap_m]), math.pi / 4)
    pairs = {FIRST_FACE: (box, square), SECOND_FACE: (square, box)}
    assert (chosen(*pairs[face]) >= SECOND) == (face == SECOND_FACE)


def test_within_half_a_millimetre_the_first_face_keeps_the_contact() -> None:
    """Two squares side by side overlap alike seen from both; the second must be better by more than
    .5 mm."""
    for turn, second in ((0.0, False), (1e-4, False), (5e-2, True)):
        tall = side(np.array([1.0, 1.0]), np.array([0.0, 0.0]), turn)
        wide = side(np.array([1.0, 4.0]), np.array([1.99, 0.0]), 0.0)
        assert (chosen(tall, wide) >= SECOND) == second
