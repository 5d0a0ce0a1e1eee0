"""The red ball of a trial: PHYRE's action (x, y, r) in [0, 1]³, drawn near a random body (arXiv
2411.02385; its data_generator_v2.py).

Radius U(least, most)·5 with least = max(half the smallest ball's radius, .02), most = min(four
times the largest, .2), in fractions of the scene; x = body ± 0.8 (r_body + r); y above the body or
below it with equal chance. Actions outside the scene or on a body are drawn again; after a hundred
failures, anywhere in the scene. PHYRE snaps actions to whole pixels, and so does this module."""

import math

import numpy as np

from physscale.render.outline import Point, Polygon, polygon_area, sides
from physscale.simulate.phyre.parts import RedBall, Setting
from physscale.simulate.phyre.place import WALL, Placed, placed, rotated
from physscale.simulate.phyre.recipes import generator

RADIUS_SCALE = 5.0
RADIUS_LEAST_PX = 2.0
TRIES_NEAR, TRIES_ANYWHERE = 100, 10_000
GAP = 0.05
LEVEL_TURN = 0.05
CLEARANCE_PX = 1e-3
"""A little more than the tolerance of PHYRE's own check, which computes in single precision: what
passes here passes there."""


def red_ball(setting: Setting, *, trial: int, seed: int = 0) -> RedBall:
    """The ball of one trial of a scene: a pure function of its arguments."""
    rng = generator("trial", seed=seed, counter=(trial, setting.number, setting.template))
    bodies = [body for body in placed(setting) if body.kind != WALL]
    least, most = radius_range(bodies, size_px=setting.size_px)
    targets = [body for body in bodies if not _is_level_bar(body)] or bodies
    for attempt in range(TRIES_NEAR + TRIES_ANYWHERE):
        radius = rng.uniform(least, most)
        if attempt < TRIES_NEAR:
            x, y = _near(
                rng,
                targets[int(rng.integers(len(targets)))],
                radius=radius,
                size_px=setting.size_px,
            )
        else:
            x, y = rng.uniform(), rng.uniform()
        ball = from_action(x, y, radius * RADIUS_SCALE, size_px=setting.size_px)
        if ball is not None and not any(touches(ball, body) for body in placed(setting)):
            return ball
    raise AssertionError(f"no free place in scene {setting.number} of template {setting.template}")


def radius_range(bodies: list[Placed], *, size_px: int) -> tuple[float, float]:
    """Least and most radius, in fractions of the scene."""
    radii = [body.outline.diameter_px / size_px / 2 for body in bodies if body.what == "ball"]
    if not radii:
        return 0.1 / RADIUS_SCALE, 1.0 / RADIUS_SCALE
    return max(min(radii) / 2, 0.1 / RADIUS_SCALE), min(max(radii) * 4.0, 1.0 / RADIUS_SCALE)


def _is_level_bar(body: Placed) -> bool:
    return body.what == "bar" and (body.angle_rad / (2 * math.pi)) % 1.0 < LEVEL_TURN


def _near(rng: np.random.Generator, body: Placed, *, radius: float, size_px: int) -> Point:
    reach = body.outline.diameter_px / size_px / 2
    centre = _centre_px(body)
    x, y = centre[0] / size_px, centre[1] / size_px
    aside = rng.uniform(-0.8, 0.8) * (reach + radius)
    low, high = (
        (y + aside * 0.9, 1.0 - reach - GAP)
        if rng.random() < 0.5
        else (reach + GAP, y - aside * 0.9)
    )
    return x + aside, low + (high - low) * rng.random()


def _centre_px(body: Placed) -> Point:
    """PHYRE's features give a jar by its centre of mass and everything else by its reference
    point."""
    if body.what != "jar":
        return body.x_px, body.y_px
    area = [polygon_area(polygon) for polygon in body.outline.polygons]
    heights = [_centroid(polygon)[1] for polygon in body.outline.polygons]
    up = sum(a * height for a, height in zip(area, heights, strict=True)) / sum(area)
    shift = rotated((0.0, up), body.angle_rad)
    return body.x_px + shift[0], body.y_px + shift[1]


def from_action(x: float, y: float, radius: float, *, size_px: int) -> RedBall | None:
    """The action as PHYRE takes it, or None outside the scene."""
    if not all(0 <= value <= 1 for value in (x, y, radius)):
        return None
    x_px, y_px = x * (size_px - 1), y * (size_px - 1)
    radius_px = RADIUS_LEAST_PX + radius * (size_px // 8 - RADIUS_LEAST_PX)
    if not all(radius_px <= value <= size_px - radius_px for value in (x_px, y_px)):
        return None
    return RedBall(x_px=float(int(x_px)), y_px=float(int(y_px)), radius_px=float(round(radius_px)))


def touches(ball: RedBall, body: Placed) -> bool:
    """Whether the ball overlaps the body, or comes closer than `CLEARANCE_PX`."""
    apart = (ball.x_px - body.x_px, ball.y_px - body.y_px)
    reach = ball.radius_px + CLEARANCE_PX
    if not body.outline.polygons:
        return math.hypot(*apart) < reach + body.outline.radius_px
    point = rotated(apart, -body.angle_rad)
    return any(_distance(point, polygon) < reach for polygon in body.outline.polygons)


def _distance(point: Point, polygon: Polygon) -> float:
    """From a point to a convex, counter-clockwise polygon; 0 inside."""
    if all(
        (x1 - x0) * (point[1] - y0) - (y1 - y0) * (point[0] - x0) > 0
        for (x0, y0), (x1, y1) in sides(polygon)
    ):
        return 0.0
    return min(_distance_to_edge(point, start, end) for start, end in sides(polygon))


def _distance_to_edge(point: Point, start: Point, end: Point) -> float:
    edge = (end[0] - start[0], end[1] - start[1])
    along = ((point[0] - start[0]) * edge[0] + (point[1] - start[1]) * edge[1]) / (
        edge[0] ** 2 + edge[1] ** 2
    )
    along = min(max(along, 0.0), 1.0)
    return math.hypot(point[0] - start[0] - along * edge[0], point[1] - start[1] - along * edge[1])


def _centroid(polygon: Polygon) -> Point:
    edges = sides(polygon)
    cross = [x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges]
    x = sum((x0 + x1) * c for ((x0, _), (x1, _)), c in zip(edges, cross, strict=True))
    y = sum((y0 + y1) * c for ((_, y0), (_, y1)), c in zip(edges, cross, strict=True))
    return x / (3 * sum(cross)), y / (3 * sum(cross))
