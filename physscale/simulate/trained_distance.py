"""Distance of a (left, right) pair from the trained region and from its convex hull.

0 and 0: trained. Above 0 and 0: in a hole, interpolation. Above 0 and above 0: outside the hull,
extrapolation."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.spatial import ConvexHull


@dataclass(frozen=True)
class HullDistance:
    """Distances in the units of the plane (m/s or m), 0 inside."""

    region: Float[np.ndarray, " rows"]
    hull: Float[np.ndarray, " rows"]

    @property
    def columns(self) -> Float32[np.ndarray, "rows 2"]:
        """Both, as a row holds them (`Videos.from_trained`)."""
        return np.stack([self.region, self.hull], axis=1).astype(np.float32)


def pair_distance(
    pairs: Float[np.ndarray, "rows 2"], *, cells: Float[np.ndarray, "cells 2 2"]
) -> HullDistance:
    """Of (left, right) pairs from a region that is made of rectangles (low corner, high corner)."""
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


def _to_ring(
    pairs: Float[np.ndarray, "rows 2"], *, ring: Float[np.ndarray, "corners 2"]
) -> Float[np.ndarray, " rows"]:
    """Distance to the border of a polygon."""
    ends = np.roll(ring, -1, axis=0)
    side = ends - ring
    share = np.clip(((pairs[:, None] - ring) * side).sum(2) / (side**2).sum(1), 0, 1)
    return np.linalg.norm(pairs[:, None] - (ring + share[..., None] * side), axis=2).min(1)
