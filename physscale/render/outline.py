"""The outline of a body around its reference point: the convex parts of bars, crossed sticks and
jars, and the border of their union.

A bar is one box; sticks are two bars crossed at ±77.5°; a jar is a base and two leaning walls, open
at the top. The order of the operations is that of PHYRE 0.2.2 (creator.py, shapes.py), so that the
doubles come out the same, bit for bit. Any unit of length, y up.

Parts overlap, and ink must not count twice. By inclusion and exclusion |A ∪ B| = |A| + |B| - |A ∩
B|, and by Green's theorem the area of each term is an integral along its border. So the borders of
the parts, with the reversed borders of their overlaps, form a border of the union. A rasteriser
that sums along directed edges needs nothing else."""

import itertools
import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from physscale.records.scene import Shape
from physscale.records.video import BODY

Point = tuple[float, float]
Polygon = tuple[Point, ...]
"""Convex, counter-clockwise."""

STICKS_ANGLE_DEG = 77.5
JAR_BASE, JAR_WIDTH = 0.8, 1.0 / 1.2
SHAPE, RADIUS, HALF_HEIGHT = (BODY.index(name) for name in ("shape", "radius_m", "half_height_m"))


def borders_m(
    body: Float32[np.ndarray, "batch bodies constants"],
) -> Float[np.ndarray, "batch bodies edges 4"]:
    """Directed edges (x₀, y₀, x₁, y₁) of every row's boxes, sticks and jars around their reference
    points, anticlockwise in the sum.

    A body with fewer edges than another, a disc above all, has edges of length 0 in their place.
    """
    shape = body[:, :, SHAPE]
    box = np.array([[1, 1, -1, 1], [-1, 1, -1, -1], [-1, -1, 1, -1], [1, -1, 1, 1]], float)
    sizes = body[:, :, [RADIUS, HALF_HEIGHT, RADIUS, HALF_HEIGHT]].astype(np.float64)
    jointed = [
        (row, number, _border_m(*body[row, number, [SHAPE, RADIUS, HALF_HEIGHT]].tolist()))
        for row, number in np.argwhere(shape >= Shape.JAR).tolist()
    ]
    edges = max((4 * int((shape == Shape.BOX).any()), *(len(border) for _, _, border in jointed)))
    out = np.zeros((*shape.shape, edges, 4))
    out[:, :, :4] = np.where((shape == Shape.BOX)[..., None, None], sizes[:, :, None] * box, 0.0)[
        :, :, :edges
    ]
    for row, number, border in jointed:
        out[row, number, : len(border)] = border
    return out


@lru_cache(maxsize=4096)
def _border_m(shape: float, radius_m: float, half_height_m: float) -> Float[np.ndarray, "edges 4"]:
    """Directed edges of one body."""
    return union_border(polygons_m(int(shape), radius_m=radius_m, half_height_m=half_height_m))


def sides(polygon: Polygon) -> list[tuple[Point, Point]]:
    """The two ends of every side, in order."""
    return list(zip(polygon, (*polygon[1:], *polygon[:1]), strict=True))


def polygon_area(polygon: Polygon) -> float:
    """Positive for a counter-clockwise one."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in sides(polygon)) / 2


def union_border(parts: tuple[Polygon, ...]) -> Float[np.ndarray, "edges 4"]:
    """Directed edges whose integrals are those of the union of convex parts."""
    edges: list[tuple[float, float, float, float]] = []
    for count in range(1, len(parts) + 1):
        for chosen in itertools.combinations(parts, count):
            common = chosen[0]
            for other in chosen[1:]:
                common = overlap(common, other)
            edges += [
                (*begin, *end) if count % 2 else (*end, *begin)
                for begin, end in sides(common)
                if begin != end
            ]
    return np.array(edges, float).reshape(-1, 4)


def overlap(one: Polygon, other: Polygon) -> Polygon:
    """What two convex polygons share (Sutherland and Hodgman 1974: one is cut along every edge of
    the other); () where they are apart."""
    left = list(one)
    for (x0, y0), (x1, y1) in sides(other):
        side = [(x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) for x, y in left]
        kept: list[Point] = []
        for number, (point, here) in enumerate(zip(left, side, strict=True)):
            before, there = left[number - 1], side[number - 1]
            if (here >= 0) != (there >= 0):
                share = there / (there - here)
                kept.append(
                    (
                        before[0] + share * (point[0] - before[0]),
                        before[1] + share * (point[1] - before[1]),
                    )
                )
            if here >= 0:
                kept.append(point)
        left = kept
    return tuple(left)


def polygons_m(shape: int, *, radius_m: float, half_height_m: float) -> tuple[Polygon, ...]:
    """The convex parts of a row's body, in metres; they may overlap. None for a disc or a ring."""
    match Shape(shape):
        case Shape.BOX:
            return bar_polygons(2 * radius_m, height=2 * half_height_m)
        case Shape.STICKS:
            return sticks_polygons(3 * radius_m, height=3 * half_height_m)
        case Shape.JAR:
            return jar_polygons(2 * radius_m / JAR_WIDTH, thickness=2 * half_height_m)
    return ()


def bar_polygons(width: float, *, height: float) -> tuple[Polygon, ...]:
    """One box around its centre."""
    return (
        tuple(
            ((1 - 2 * (i in (1, 2))) / 2.0 * width, (1 - 2 * (i in (2, 3))) / 2.0 * height)
            for i in range(4)
        ),
    )


def sticks_polygons(width: float, *, height: float) -> tuple[Polygon, ...]:
    """Two crossed bars, each of two thirds of this width and height."""
    one = [
        (((1 - 2 * (i in (1, 2))) / 3.0) * width, ((1 - 2 * (i in (2, 3))) / 3.0 + 0.0) * height)
        for i in range(4)
    ]
    polygons = []
    for degrees in (-STICKS_ANGLE_DEG, STICKS_ANGLE_DEG):
        turn = degrees / 180.0 * math.pi
        polygons.append(
            tuple(
                (math.cos(turn) * x - math.sin(turn) * y, math.cos(turn) * y + math.sin(turn) * x)
                for x, y in one
            )
        )
    return tuple(polygons)


def jar_polygons(height: float, *, thickness: float) -> tuple[Polygon, ...]:
    """A base around the reference point, then the left and the right wall, which lean outwards."""
    width = height * JAR_WIDTH
    base_width = width * JAR_BASE
    (base,) = bar_polygons(base_width, height=thickness)
    lean = (width - base_width) / 2.0
    hypotenuse = math.sqrt(height**2 + lean**2)
    cos, sin = lean / hypotenuse, height / hypotenuse
    across, across_top, up = thickness * sin, thickness / sin, thickness * cos
    half = thickness / 2
    left = (
        (-width / 2, height - half),
        (-base_width / 2, -half),
        ((-base_width / 2) + across, up - half),
        ((-width / 2) + across_top, height - half),
    )
    right = (
        (width / 2, height - half),
        ((width / 2) - across_top, height - half),
        ((base_width / 2) - across, up - half),
        (base_width / 2, -half),
    )
    return (base, left, right)
