"""What the tests of PHYRE share: its Python (or a skip that says why not), scenes, and how deep
polygons stand in each other."""

import itertools
import math
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.render.outline import Point
from physscale.simulate.phyre.environment import setup
from physscale.simulate.phyre.parts import Setting
from physscale.simulate.phyre.place import Placed, placed, rotated


def phyre_python() -> Path:
    """The Python of PHYRE's environment, built once in the user's cache folder."""
    try:
        return setup()
    except UserError as missing:
        pytest.skip(str(missing))


def overlap_px(setting: Setting) -> float:
    """The deepest overlap of two polygons of which one can move, at the start; 0 or less means that
    none overlap."""
    pairs = itertools.combinations(placed(setting), 2)
    moving = ((one, other) for one, other in pairs if one.dynamic or other.dynamic)
    return max(
        (-_gap(p, q) for one, other in moving for p in _world(one) for q in _world(other)),
        default=0.0,
    )


def _world(body: Placed) -> list[list[Point]]:
    turned = [
        [rotated(point, body.angle_rad) for point in polygon] for polygon in body.outline.polygons
    ]
    return [[(x + body.x_px, y + body.y_px) for x, y in polygon] for polygon in turned]


def _gap(one: list[Point], other: list[Point]) -> float:
    """Separating axes: the largest gap over all edge normals, negative where the polygons
    overlap."""
    return max(_edge_gap(p, q) for p, q in ((one, other), (other, one)))


def _edge_gap(polygon: list[Point], other: list[Point]) -> float:
    gaps = []
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        normal, length = (y1 - y0, x0 - x1), math.hypot(x1 - x0, y1 - y0)
        gaps.append(min((x - x0) * normal[0] + (y - y0) * normal[1] for x, y in other) / length)
    return max(gaps)
