"""How far a (left, right) pair lies from what was trained: from the trained region itself, and from
its convex hull.

0 and 0: trained. Above 0 and 0: in a hole, interpolation. Above 0 and above 0: outside the hull,
extrapolation."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.spatial import ConvexHull

from physscale.records.video import BODY, STATE, Videos
from physscale.simulate.ranges import Ranges
from physscale.simulate.scenarios.holes import CollisionHoles

VX, RADIUS = STATE.index("vx_m_s"), BODY.index("radius_m")


@dataclass(frozen=True)
class HullDistance:
    """Distances in the units of the plane (m/s or m), 0 inside."""

    region: Float[np.ndarray, " rows"]
    hull: Float[np.ndarray, " rows"]

    @property
    def columns(self) -> Float32[np.ndarray, "rows 2"]:
        """Both, as a row holds them (`Videos.from_trained`)."""
        return np.stack([self.region, self.hull], axis=1).astype(np.float32)


def hull_distance(videos: Videos, *, trained: CollisionHoles) -> HullDistance:
    """Of each row of collisions, however it was drawn, from what `trained` covers."""
    if trained.plane == "speed":
        pairs = np.stack([videos.state[:, 0, 0, VX], -videos.state[:, 0, 1, VX]], axis=1)
    else:
        pairs = videos.body[:, :2, RADIUS]
    return pair_distance(pairs.astype(np.float64), trained=trained)


def pair_distance(pairs: Float[np.ndarray, "rows 2"], *, trained: CollisionHoles) -> HullDistance:
    """Of (left, right) pairs."""
    cells = _cells(trained)
    nearest = np.clip(pairs[:, None], cells[None, :, 0], cells[None, :, 1])
    region = np.linalg.norm(pairs[:, None] - nearest, axis=2).min(1)
    corners = np.concatenate(
        [
            cells[:, 0],
            cells[:, 1],
            np.stack([cells[:, 0, 0], cells[:, 1, 1]], 1),
            np.stack([cells[:, 1, 0], cells[:, 0, 1]], 1),
        ]
    )
    hull = ConvexHull(corners)
    ring = corners[hull.vertices]
    inside = (pairs @ hull.equations[:, :2].T + hull.equations[:, 2] <= 1e-12).all(1)
    return HullDistance(region, np.where(inside, 0.0, _to_ring(pairs, ring=ring)))


def _cells(trained: CollisionHoles) -> Float[np.ndarray, "cells 2 2"]:
    """The trained region as rectangles (low corner, high corner), cut at all borders of base and
    holes."""
    base = trained.base
    axes: tuple[Ranges, Ranges] = (
        (base.left_speed_m_s, base.right_speed_m_s)
        if trained.plane == "speed"
        else (base.left_radius_m, base.right_radius_m)
    )
    edges = [
        np.unique([*np.ravel(ranges), *(border for hole in trained.holes for border in hole[axis])])
        for axis, ranges in enumerate(axes)
    ]
    low, high = (
        np.stack(
            [grid.ravel() for grid in np.meshgrid(edges[0][part], edges[1][part], indexing="ij")], 1
        )
        for part in (slice(0, -1), slice(1, None))
    )
    middle = (low + high) / 2
    drawn = np.all(
        [
            np.any([(a <= middle[:, axis]) & (middle[:, axis] <= b) for a, b in ranges], 0)
            for axis, ranges in enumerate(axes)
        ],
        0,
    )
    kept = drawn & ~trained.in_hole(middle)
    return np.stack([low[kept], high[kept]], axis=1)


def _to_ring(
    pairs: Float[np.ndarray, "rows 2"], *, ring: Float[np.ndarray, "corners 2"]
) -> Float[np.ndarray, " rows"]:
    """Distance to the border of a polygon."""
    ends = np.roll(ring, -1, axis=0)
    side = ends - ring
    share = np.clip(((pairs[:, None] - ring) * side).sum(2) / (side**2).sum(1), 0, 1)
    return np.linalg.norm(pairs[:, None] - (ring + share[..., None] * side), axis=2).min(1)
