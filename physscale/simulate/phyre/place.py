"""Where the bodies of a PHYRE scene stand and how large they are: the arithmetic of its creator,
operation by operation.

A ball is a disc, a bar a box W·scale × W/50; bars, sticks and jars have the parts of
`render.outline`. The order of the operations is that of PHYRE 0.2.2 (creator.py, shapes.py), so
that the doubles come out the same, bit for bit; a test compares them."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from physscale.render.outline import (
    JAR_BASE,
    JAR_WIDTH,
    Point,
    Polygon,
    bar_polygons,
    jar_polygons,
    sticks_polygons,
)
from physscale.simulate.phyre.parts import GoalColour, Part, Setting, What

BARS_PER_SCENE = 50.0
WALL_PX = 5.0
WALL = -1
"""The kind of the four walls, which stand outside the view."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A body's shape around its reference point.

    Attributes:
        radius_px: of a ball, else 0.
        polygons: convex, counter-clockwise, of anything else.
        diameter_px: PHYRE's own measure of size.
        half_px, half_thin_px: half width and half height of a bar, of each of two sticks; half the
            opening and half the wall of a jar.
    """

    diameter_px: float
    radius_px: float = 0.0
    polygons: tuple[Polygon, ...] = ()
    half_px: float = 0.0
    half_thin_px: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A body at rest."""

    kind: int
    what: What | Literal["wall"]
    dynamic: bool
    outline: Outline
    x_px: float = 0.0
    y_px: float = 0.0
    angle_rad: float = 0.0
    goal: GoalColour | None = None

    def corners(self) -> list[Point]:
        """Corners in the scene; a ball's are two of its square."""
        if not self.outline.polygons:
            radius = self.outline.radius_px
            return [
                (radius + self.x_px, radius + self.y_px),
                (-radius + self.x_px, -radius + self.y_px),
            ]
        turned = (
            rotated(point, self.angle_rad) for polygon in self.outline.polygons for point in polygon
        )
        return [(x + self.x_px, y + self.y_px) for x, y in turned]


def rotated(point: Point, angle_rad: float) -> Point:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return (point[0] * cos - point[1] * sin, point[0] * sin + point[1] * cos)


@lru_cache(maxsize=1024)
def placed(setting: Setting) -> tuple[Placed, ...]:
    """The bodies of a scene in PHYRE's order: the walls (bottom, left, top, right), then the
    parts."""
    return (
        *walls(size_px=setting.size_px),
        *(place(part, size_px=setting.size_px) for part in setting.parts),
    )


def place(part: Part, *, size_px: int) -> Placed:
    """One part after all its moves."""
    body = Placed(
        kind=part.kind,
        what=part.what,
        dynamic=part.dynamic,
        outline=outline(part.what, scale=part.scale, size_px=size_px),
        goal=part.goal,
    )
    for move, value in part.moves:
        body = moved(body, move, value)
    return body


def moved(body: Placed, move: str, value: float) -> Placed:
    """The body after `set_<move>(value)`."""
    if move == "angle":
        return replace(body, angle_rad=value / 180.0 * math.pi)
    xs, ys = zip(*body.corners(), strict=True)
    left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
    match move:
        case "left":
            return replace(body, x_px=body.x_px + (value - left))
        case "right":
            return replace(body, x_px=body.x_px + (value - right))
        case "bottom":
            return replace(body, y_px=body.y_px + (value - bottom))
        case "top":
            return replace(body, y_px=body.y_px + (value - top))
        case "center_x":
            return moved(body, "left", value - (right - left) / 2.0)
        case "center_y":
            return moved(body, "bottom", value - (top - bottom) / 2.0)
    raise AssertionError(f"no move {move}")


def walls(*, size_px: int) -> tuple[Placed, ...]:
    side = float(size_px)
    moves: tuple[tuple[float, float, tuple[tuple[str, float], ...]], ...] = (
        (side, WALL_PX, (("left", 0.0), ("top", 0.0))),
        (WALL_PX, side, (("right", 0.0), ("bottom", 0.0))),
        (side, WALL_PX, (("left", 0.0), ("bottom", side))),
        (WALL_PX, side, (("left", side), ("bottom", 0.0))),
    )
    built = []
    for width, height, steps in moves:
        body = Placed(kind=WALL, what="wall", dynamic=False, outline=box(width, height))
        for move, value in steps:
            body = moved(body, move, value)
        built.append(body)
    return tuple(built)


def outline(what: What, *, scale: float, size_px: int) -> Outline:
    """The shape that PHYRE's builder makes at this scale."""
    length = (1.0 - scale) * 0.0 + scale * size_px  # `_interpolate` of the creator
    match what:
        case "ball":
            radius = int((1.0 - scale) * 0.0 + scale * (size_px / 2.0)) + 0.5
            return Outline(diameter_px=2.0 * radius, radius_px=radius, half_px=radius)
        case "bar":
            return box(length, size_px / BARS_PER_SCENE)
        case "standingsticks":
            return sticks(length, size_px / BARS_PER_SCENE)
        case "jar":
            return jar(length, thickness=math.log(length) / math.log(0.3 * size_px) * size_px / 50)


def box(width: float, height: float) -> Outline:
    """A bar or a wall."""
    diameter = math.sqrt(width**2 + height**2)
    return Outline(
        diameter_px=diameter,
        polygons=bar_polygons(width, height=height),
        half_px=width / 2,
        half_thin_px=height / 2,
    )


def sticks(width: float, height: float) -> Outline:
    """Two crossed bars."""
    return replace(
        box(width, height),
        polygons=sticks_polygons(width, height=height),
        half_px=width / 3,
        half_thin_px=height / 3,
    )


def jar(height: float, *, thickness: float) -> Outline:
    """A base and two walls."""
    width = height * JAR_WIDTH
    base_width = width * JAR_BASE
    diameter = math.sqrt(((width - base_width) / 2.0 + base_width) ** 2 + height**2)
    return Outline(
        diameter_px=diameter,
        polygons=jar_polygons(height, thickness=thickness),
        half_px=width / 2,
        half_thin_px=thickness / 2,
    )
