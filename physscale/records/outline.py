"""What a body looks like around its reference point: the convex parts of bars, crossed sticks and jars.

A bar is one box; sticks are two bars crossed at ±77.5°; a jar is a base and two leaning walls, open at the top. The order of the operations
is that of PHYRE 0.2.2 (creator.py, shapes.py), so that the doubles come out the same, bit for bit. Any unit of length, y up.
"""

import math

from physscale.records.scene import Shape

Point = tuple[float, float]
Polygon = tuple[Point, ...]
"""Convex, counter-clockwise."""

STICKS_ANGLE_DEG = 77.5
JAR_BASE, JAR_WIDTH = 0.8, 1.0 / 1.2


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
    return (tuple(((1 - 2 * (i in (1, 2))) / 2.0 * width, (1 - 2 * (i in (2, 3))) / 2.0 * height) for i in range(4)),)


def sticks_polygons(width: float, *, height: float) -> tuple[Polygon, ...]:
    """Two crossed bars, each of two thirds of this width and height."""
    one = [(((1 - 2 * (i in (1, 2))) / 3.0) * width, ((1 - 2 * (i in (2, 3))) / 3.0 + 0.0) * height) for i in range(4)]
    polygons = []
    for degrees in (-STICKS_ANGLE_DEG, STICKS_ANGLE_DEG):
        turn = degrees / 180.0 * math.pi
        polygons.append(tuple((math.cos(turn) * x - math.sin(turn) * y, math.cos(turn) * y + math.sin(turn) * x) for x, y in one))
    return tuple(polygons)


def jar_polygons(height: float, *, thickness: float) -> tuple[Polygon, ...]:
    """A base around the reference point, then the left and the right wall, which lean outwards."""
    width = height * JAR_WIDTH
    base_width = width * JAR_BASE
    base = tuple(((1 - 2 * (i in (1, 2))) / 2.0 * base_width, (1 - 2 * (i in (2, 3))) / 2.0 * thickness) for i in range(4))
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
