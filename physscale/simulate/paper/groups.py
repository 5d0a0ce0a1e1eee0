"""The groups of rows in the official evaluation (arXiv 2411.02385): by whether radii and speeds lie
in the trained ranges."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from physscale.simulate.paper.grids import RADIUS_M, SPEED_M_S

Group = Literal["id", "radius", "speed", "both", "zero", "filtered"]
"""`filtered`: a ball too small for the official script to count."""

Numbers = Float[np.ndarray, " values"]
"""[r, v] of one ball, [r₁, r₂, v₁, v₂] of two."""


def group_of(numbers: Numbers, *, bodies: int) -> Group:
    """As the official script groups a row."""
    radius = numbers[:bodies]
    small = (radius < 0.6).any() if bodies == 1 else (radius <= 0.5).any()
    return "filtered" if small else partition_of(numbers, bodies=bodies)


def partition_of(numbers: Numbers, *, bodies: int) -> Group:
    """By the trained ranges alone, small balls too."""
    radius, speed = numbers[:bodies], numbers[bodies:]
    if (speed == 0).any():
        return "zero"
    low, high = trained_radius_m(bodies)
    sized = bool(((radius >= low) & (radius <= high)).all())
    paced = bool(((speed >= SPEED_M_S[0]) & (speed <= SPEED_M_S[1])).all())
    if sized:
        return "id" if paced else "speed"
    return "radius" if paced else "both"


def trained_radius_m(bodies: int) -> tuple[float, float]:
    """The trained radii: those of collisions are wider."""
    return RADIUS_M["uniform" if bodies == 1 else "collision"]
