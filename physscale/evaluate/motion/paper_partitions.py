"""The groups of rows in the official evaluation (arXiv 2411.02385): by whether radii and speeds lie
in the trained ranges."""

from typing import Literal

import numpy as np

from physscale.records.initial import initial_numbers
from physscale.records.video import Videos
from physscale.simulate.paper.grids import RADIUS_M, SPEED_M_S

Group = Literal["id", "radius", "speed", "both", "zero", "filtered", "skipped"]


def groups(truth: Videos) -> np.ndarray:
    """The group of each row, by the trained ranges: an `object` array of `Group`."""
    bodies = truth.state.shape[2]
    return np.array([group_of(row, bodies=bodies) for row in initial_numbers(truth)], object)


def partitions_of(truth: Videos) -> np.ndarray:
    """The same without the filter: by the trained ranges alone, small balls too."""
    bodies = truth.state.shape[2]
    return np.array([_partition(row, bodies=bodies) for row in initial_numbers(truth)], object)


def sides_of(truth: Videos) -> np.ndarray:
    """The partition of each row with the side on which its numbers left the trained ranges, named
    as in `simulate.paper.partitions`.

    `radius_low`, `speed_high`, …; where one number is too small and another too large: of one ball
    `cross_fast_small` and `cross_slow_large`, of two `cross_radius`, `cross_speed` and
    `cross_both`. Rows in range and at rest stay `id` and `zero`."""
    bodies = truth.state.shape[2]
    return np.array([_side(row, bodies=bodies) for row in initial_numbers(truth)], object)


def group_of(initial: np.ndarray, *, bodies: int) -> Group:
    radius = initial[:bodies]
    small = (radius < 0.6).any() if bodies == 1 else (radius <= 0.5).any()
    return "filtered" if small else _partition(initial, bodies=bodies)


def _partition(initial: np.ndarray, *, bodies: int) -> Group:
    radius, speed = initial[:bodies], initial[bodies:]
    if (speed == 0).any():
        return "zero"
    low, high = _radius_m(bodies)
    sized = bool(((radius >= low) & (radius <= high)).all())
    paced = bool(((speed >= SPEED_M_S[0]) & (speed <= SPEED_M_S[1])).all())
    if sized:
        return "id" if paced else "speed"
    return "radius" if paced else "both"


def _side(initial: np.ndarray, *, bodies: int) -> str:
    partition = _partition(initial, bodies=bodies)
    if partition in ("id", "zero"):
        return partition
    ranges = np.array([_radius_m(bodies)] * bodies + [SPEED_M_S] * bodies)
    low, high = initial < ranges[:, 0], initial > ranges[:, 1]
    if low.any() and high.any():
        single = "cross_fast_small" if low[0] else "cross_slow_large"
        return single if bodies == 1 else f"cross_{partition}"
    return f"{partition}_low" if low.any() else f"{partition}_high"


def _radius_m(bodies: int) -> tuple[float, float]:
    """The trained radii: those of collisions are wider."""
    return RADIUS_M["uniform" if bodies == 1 else "collision"]
