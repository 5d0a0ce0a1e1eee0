"""Where two polygons touch, as PHYRE's Box2D (2.3.2) decides it, in single precision, operation by
operation.

PyPI's `box2d` (2.3.0) looks for the axis of least overlap by climbing from one edge to the next,
and prefers the first polygon's face until the second's overlap is 2 % + 1 mm smaller. 2.3.2 tries
every edge, and prefers it until the difference is 0.5 mm. All else is the same, so the manifolds
are the same bits wherever both choose the same face. Polygons are (corners, 2) arrays of at most 8
counter-clockwise corners, with the outward normal of the edge that starts at each corner. A pose is
x, y, sine and cosine. Lengths in metres."""

from typing import no_type_check

import numpy as np

from physscale.render.compiled import compiled

SKIN_M = np.float32(2.0) * (np.float32(2.0) * np.float32(0.005))
"""Box2D keeps two polygons this far apart: twice its polygon radius, which is twice its linear
slop."""

SAME_OVERLAP_M = np.float32(0.1) * np.float32(0.005)
APART, RIGHT = -1, -2
SECOND = 16
"""Added to the number of an edge of the second polygon."""

HALF = np.float32(0.5)
ONE = np.float32(1.0)
ZERO = np.float32(0.0)
FAR = np.float32(3.4028234663852886e38)
BY_FACE = 1
POINT, KIND = 12, 14
"""Where a manifold, taken as 16 numbers of 4 bytes, holds the reference edge's middle and whose
edge it is (1 or 2)."""
SHIFT_EDGE, SHIFT_OF_FIRST, SHIFT_OF_SECOND = 8, 16, 24


@compiled
@no_type_check
def wrong_edge(
    first: np.ndarray,
    normals: np.ndarray,
    pose: np.ndarray,
    second: np.ndarray,
    others: np.ndarray,
    at: np.ndarray,
    manifold: np.ndarray,
) -> int:
    """The `reference_edge`, or `RIGHT` where the manifold (16 single-precision numbers) already is
    by that edge."""
    edge = reference_edge(first, normals, pose, second, others, at)
    if edge == APART:
        return APART
    kind, number, owner = (1, edge, first) if edge < SECOND else (2, edge - SECOND, second)
    after = (number + 1) % len(owner)
    x, y = HALF * (owner[number, 0] + owner[after, 0]), HALF * (owner[number, 1] + owner[after, 1])
    same = (
        manifold[POINT] == x and manifold[POINT + 1] == y and manifold.view(np.int32)[KIND] == kind
    )
    return RIGHT if same else edge


@compiled
@no_type_check
def reference_edge(
    first: np.ndarray,
    normals: np.ndarray,
    pose: np.ndarray,
    second: np.ndarray,
    others: np.ndarray,
    at: np.ndarray,
) -> int:
    """The edge whose normal becomes the contact's: its number, plus `SECOND` for the second
    polygon; `APART` where a gap is left."""
    edge, gap = _largest_gap(first, normals, pose, second, at)
    if gap > SKIN_M:
        return APART
    other, other_gap = _largest_gap(second, others, at, first, pose)
    if other_gap > SKIN_M:
        return APART
    return SECOND + other if other_gap > gap + SAME_OVERLAP_M else edge


@compiled
@no_type_check
def _largest_gap(
    polygon: np.ndarray, normals: np.ndarray, pose: np.ndarray, other: np.ndarray, at: np.ndarray
) -> tuple[int, float]:
    """Over the polygon's edges: number and distance of the one farthest from the other polygon's
    deepest corner."""
    sin = at[3] * pose[2] - at[2] * pose[3]
    cos = at[3] * pose[3] + at[2] * pose[2]
    x, y = _turned_back(pose[0] - at[0], pose[1] - at[1], at)
    best, largest = 0, -FAR
    for edge in range(len(polygon)):
        across = cos * normals[edge, 0] - sin * normals[edge, 1]
        up = sin * normals[edge, 0] + cos * normals[edge, 1]
        from_x = (cos * polygon[edge, 0] - sin * polygon[edge, 1]) + x
        from_y = (sin * polygon[edge, 0] + cos * polygon[edge, 1]) + y
        gap = FAR
        for corner in range(len(other)):
            gap = min(gap, across * (other[corner, 0] - from_x) + up * (other[corner, 1] - from_y))
        if gap > largest:
            best, largest = edge, gap
    return best, largest


@compiled
@no_type_check
def touching_points(
    edge: int,
    polygon: np.ndarray,
    pose: np.ndarray,
    other: np.ndarray,
    normals: np.ndarray,
    at: np.ndarray,
) -> tuple:
    """(plane, points, ids): the edge's normal and middle in the polygon's frame, a (2, 2) array; up
    to two points in the other's frame, a (points, 2) array; and their features, by which impulses
    are carried over from step to step. `normals` are the other polygon's."""
    after = (edge + 1) % len(polygon)
    along = polygon[after] - polygon[edge]
    along *= ONE / np.sqrt(along[0] * along[0] + along[1] * along[1])
    plane = np.empty((2, 2), np.float32)
    plane[0, 0], plane[0, 1] = along[1], -along[0]
    plane[1] = HALF * (polygon[edge] + polygon[after])
    x, y = _turned(along[0], along[1], pose)
    start, end = _placed(polygon[edge], pose), _placed(polygon[after], pose)
    ends, ids = _facing_edge(edge, _turned(plane[0, 0], plane[0, 1], pose), other, normals, at)
    left = _cut(ends, ids, -x, -y, -(x * start[0] + y * start[1]) + SKIN_M, edge)
    if left == 2:
        left = _cut(ends, ids, x, y, (x * end[0] + y * end[1]) + SKIN_M, after)
    kept = 0
    offset = y * start[0] + (-x) * start[1]
    for point in range(2):
        if left == 2 and (y * ends[point, 0] + (-x) * ends[point, 1]) - offset <= SKIN_M:
            ends[kept, 0], ends[kept, 1] = _turned_back(
                ends[point, 0] - at[0], ends[point, 1] - at[1], at
            )
            ids[kept] = ids[point]
            kept += 1
    return plane, ends[:kept], ids[:kept]


@compiled
@no_type_check
def _facing_edge(
    edge: int, normal: tuple, other: np.ndarray, normals: np.ndarray, at: np.ndarray
) -> tuple:
    """The other polygon's edge that looks most against this normal: its ends in the world, and
    their features."""
    x, y = _turned_back(normal[0], normal[1], at)
    facing, least = 0, FAR
    for candidate in range(len(other)):
        against = x * normals[candidate, 0] + y * normals[candidate, 1]
        if against < least:
            facing, least = candidate, against
    ends, ids = np.empty((2, 2), np.float32), np.empty(2, np.int64)
    for number in range(2):
        corner = (facing + number) % len(other)
        ends[number, 0], ends[number, 1] = _placed(other[corner], at)
        ids[number] = edge | corner << SHIFT_EDGE | BY_FACE << SHIFT_OF_FIRST
    return ends, ids


@compiled
@no_type_check
def _cut(ends: np.ndarray, ids: np.ndarray, x: float, y: float, reach: float, corner: int) -> int:
    """Cuts the segment at the line x·X + y·Y = reach, in place: what lies within comes first, then
    the crossing. Points left."""
    behind = (x * ends[0, 0] + y * ends[0, 1]) - reach
    ahead = (x * ends[1, 0] + y * ends[1, 1]) - reach
    if behind <= ZERO and ahead <= ZERO:
        return 2
    if behind * ahead >= ZERO:
        return int(behind <= ZERO) + int(ahead <= ZERO)
    share = behind / (behind - ahead)
    crossing_x = ends[0, 0] + share * (ends[1, 0] - ends[0, 0])
    crossing_y = ends[0, 1] + share * (ends[1, 1] - ends[0, 1])
    feature = corner | (ids[0] >> SHIFT_EDGE & 255) << SHIFT_EDGE | BY_FACE << SHIFT_OF_SECOND
    if behind > ZERO:
        ends[0], ids[0] = ends[1], ids[1]
    ends[1, 0], ends[1, 1], ids[1] = crossing_x, crossing_y, feature
    return 2


@compiled
@no_type_check
def _turned(x: float, y: float, pose: np.ndarray) -> tuple[float, float]:
    return pose[3] * x - pose[2] * y, pose[2] * x + pose[3] * y


@compiled
@no_type_check
def _turned_back(x: float, y: float, pose: np.ndarray) -> tuple[float, float]:
    return pose[3] * x + pose[2] * y, -pose[2] * x + pose[3] * y


@compiled
@no_type_check
def _placed(point: np.ndarray, pose: np.ndarray) -> tuple[float, float]:
    x, y = _turned(point[0], point[1], pose)
    return x + pose[0], y + pose[1]
