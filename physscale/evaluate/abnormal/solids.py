"""Bodies of any shape as signed distances: what they cover, how deep one reaches into another, and
sample points inside and just outside.

A body is a disc or up to three convex polygons (`render.outline`). Distances are metres, negative
inside. Beyond a corner of a polygon, the largest distance from the line of an edge replaces the
true distance, which is never smaller."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float32, Int

from physscale.records.scene import Shape
from physscale.records.video import BODY
from physscale.render.compiled import compiled
from physscale.render.outline import polygons_m

PARTS, CORNERS = 3, 4
MOST_POINTS = 160
FAR = 1e9
SHAPE, RADIUS, HALF_HEIGHT, MASS = (
    BODY.index(name) for name in ("shape", "radius_m", "half_height_m", "mass_kg")
)


@dataclass(frozen=True, kw_only=True)
class Solids:
    """N bodies in their own frames.

    Attributes:
        edges: (normal x, normal y, offset) of every edge: n·p - offset < 0 inside; offset `-FAR`
            where there is no such edge, `FAR` for all edges of a part that is not there.
        reach_m: distance of the farthest point from the reference point.
        thin_m: half of the thinnest extent.
        centre_m: centre of mass.
        area_m2: of the union.
        points, point_count: inside samples; ring, ring_count: samples from one to two pixels
            outside.
    """

    radius_m: Float[np.ndarray, " bodies"]
    edges: Float[np.ndarray, "bodies 3 4 3"]
    reach_m: Float[np.ndarray, " bodies"]
    thin_m: Float[np.ndarray, " bodies"]
    centre_m: Float[np.ndarray, "bodies 2"]
    area_m2: Float[np.ndarray, " bodies"]
    points: Float[np.ndarray, "bodies most 2"]
    point_count: Int[np.ndarray, " bodies"]
    ring: Float[np.ndarray, "bodies most 2"]
    ring_count: Int[np.ndarray, " bodies"]


def solids(body: Float32[np.ndarray, "bodies constants"], *, px_m: float) -> Solids:
    """The bodies of one row; `px_m` sets how close to its border a body is sampled."""
    count = len(body)
    radius, edges = np.zeros(count), np.zeros((count, PARTS, CORNERS, 3))
    edges[..., 2] = -FAR
    reach, thin, area = np.zeros(count), np.zeros(count), np.zeros(count)
    centre = np.zeros((count, 2))
    points, ring = np.zeros((2, count, MOST_POINTS, 2))
    point_count, ring_count = np.zeros((2, count), np.int64)
    for number, constants in enumerate(body.astype(np.float64)):
        size, half = float(constants[RADIUS]), float(constants[HALF_HEIGHT])
        if size == 0.0:
            continue
        parts = (
            ()
            if constants[SHAPE] == Shape.DISC
            else polygons_m(int(constants[SHAPE]), radius_m=size, half_height_m=half)
        )
        radius[number] = 0.0 if parts else size
        edges[number] = _edges(parts)
        reach[number] = max(
            (float(np.hypot(*corner)) for part in parts for corner in part), default=size
        )
        thin[number] = half if parts else size
        step = min(px_m, thin[number]) / 2
        grid = np.arange(-reach[number] - 3 * px_m, reach[number] + 3 * px_m, step) + step / 2
        field = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
        distance = np.array(_distances(field, radius[number], edges[number]))
        area[number] = (distance < 0).sum() * step**2
        centre[number] = field[distance < 0].mean(0)
        margin = min(0.7 * px_m, 0.6 * thin[number])
        rim = (distance > 1.0 * px_m) & (distance < 2.0 * px_m)
        point_count[number] = _sample(field[distance < -margin], out=points[number])
        ring_count[number] = _sample(field[rim], out=ring[number])
    return Solids(
        radius_m=radius,
        edges=edges,
        reach_m=reach,
        thin_m=thin,
        centre_m=centre,
        area_m2=area,
        points=points,
        point_count=point_count,
        ring=ring,
        ring_count=ring_count,
    )


def _sample(points: Float[np.ndarray, "some 2"], *, out: Float[np.ndarray, "most 2"]) -> int:
    """Puts evenly chosen points into `out`, and returns how many."""
    count = min(len(out), len(points))
    out[:count] = points[np.linspace(0, len(points) - 1, count).astype(int)]
    return count


def _edges(parts: tuple[tuple[tuple[float, float], ...], ...]) -> Float[np.ndarray, "3 4 3"]:
    out = np.zeros((PARTS, CORNERS, 3))
    out[:, :, 2] = -FAR
    for number, part in enumerate(parts):
        corners = np.array(part)
        along = np.roll(corners, -1, axis=0) - corners
        normal = np.stack([along[:, 1], -along[:, 0]], -1) / np.linalg.norm(along, axis=-1)[:, None]
        out[number, : len(corners), :2] = normal
        out[number, : len(corners), 2] = (normal * corners).sum(-1)
    return out


@compiled
@no_type_check
def distance(x: float, y: float, radius: float, edges: np.ndarray) -> float:
    """Signed distance of a point in the body's frame."""
    if radius > 0.0:
        return np.sqrt(x * x + y * y) - radius
    least = 1e9
    for part in range(edges.shape[0]):
        if edges[part, 0, 2] == -1e9:
            continue
        most = -1e9
        for edge in range(edges.shape[1]):
            if edges[part, edge, 2] != -1e9:
                most = max(
                    most, edges[part, edge, 0] * x + edges[part, edge, 1] * y - edges[part, edge, 2]
                )
        least = min(least, most)
    return least


@compiled
@no_type_check
def _distances(points: np.ndarray, radius: float, edges: np.ndarray) -> np.ndarray:
    out = np.empty(len(points))
    for number in range(len(points)):
        out[number] = distance(points[number, 0], points[number, 1], radius, edges)
    return out


@compiled
@no_type_check
def distance_to(x: float, y: float, pose: np.ndarray, radius: float, edges: np.ndarray) -> float:
    """Signed distance of a point of the world from a body at this pose (x, y, angle)."""
    dx, dy = x - pose[0], y - pose[1]
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    return distance(cos * dx + sin * dy, cos * dy - sin * dx, radius, edges)


def clearances(
    state: Float[np.ndarray, "frames bodies state"], *, shapes: Solids
) -> Float[np.ndarray, "frames bodies"]:
    """Distance in m of every body from the nearest other one, the floor and the walls; negative
    where one is in another."""
    present = np.flatnonzero(shapes.area_m2 > 0)
    out = np.full(state.shape[:2], np.nan)
    _clearances(
        np.ascontiguousarray(state[..., :3]),
        present,
        shapes.points,
        shapes.point_count,
        shapes.radius_m,
        shapes.edges,
        out,
    )
    return out


@compiled
@no_type_check
def _clearances(
    pose: np.ndarray,
    present: np.ndarray,
    points: np.ndarray,
    count: np.ndarray,
    radius: np.ndarray,
    edges: np.ndarray,
    out: np.ndarray,
) -> None:
    for moment in range(len(pose)):
        for body in present:
            here, least = pose[moment, body], 1e9
            cos, sin = np.cos(here[2]), np.sin(here[2])
            for number in range(count[body]):
                u, v = points[body, number, 0], points[body, number, 1]
                x, y = here[0] + cos * u - sin * v, here[1] + sin * u + cos * v
                least = min(least, x, y, 10.0 - x, 10.0 - y)
                for other in present:
                    if other != body:
                        least = min(
                            least,
                            distance_to(x, y, pose[moment, other], radius[other], edges[other]),
                        )
            out[moment, body] = least
