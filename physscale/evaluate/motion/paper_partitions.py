"""The groups of rows in the official evaluation (`simulate.paper.groups`), of videos."""

import numpy as np

from physscale.records.initial import initial_numbers
from physscale.records.video import Videos
from physscale.simulate.paper.grids import SPEED_M_S
from physscale.simulate.paper.groups import group_of, partition_of, trained_radius_m


def groups(truth: Videos) -> np.ndarray:
    """The group of each row, by the trained ranges: an `object` array of `Group`."""
    bodies = truth.state.shape[2]
    return np.array([group_of(row, bodies=bodies) for row in initial_numbers(truth)], object)


def partitions_of(truth: Videos) -> np.ndarray:
    """The same without the filter: by the trained ranges alone, small balls too."""
    bodies = truth.state.shape[2]
    return np.array([partition_of(row, bodies=bodies) for row in initial_numbers(truth)], object)


def sides_of(truth: Videos) -> np.ndarray:
    """The partition of each row with the side on which its numbers left the trained ranges, named
    as in `simulate.paper.partitions`.

    `radius_low`, `speed_high`, …; where one number is too small and another too large: of one ball
    `cross_fast_small` and `cross_slow_large`, of two `cross_radius`, `cross_speed` and
    `cross_both`. Rows in range and at rest stay `id` and `zero`."""
    bodies = truth.state.shape[2]
    return np.array([_side(row, bodies=bodies) for row in initial_numbers(truth)], object)


def _side(initial: np.ndarray, *, bodies: int) -> str:
    partition = partition_of(initial, bodies=bodies)
    if partition in ("id", "zero"):
        return partition
    ranges = np.array([trained_radius_m(bodies)] * bodies + [SPEED_M_S] * bodies)
    low, high = initial < ranges[:, 0], initial > ranges[:, 1]
    if low.any() and high.any():
        single = "cross_fast_small" if low[0] else "cross_slow_large"
        return single if bodies == 1 else f"cross_{partition}"
    return f"{partition}_low" if low.any() else f"{partition}_high"
