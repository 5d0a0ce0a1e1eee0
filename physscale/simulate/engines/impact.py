"""When two bodies touch: a disc and a disc, a disc and an upright box that does not move. Scalars,
compiled, shared by the engines."""

import math
from typing import no_type_check

import numpy as np

from physscale.render.compiled import compiled

TOLERANCE_M = 1e-9
SAME_MOMENT_S = 1e-10


@compiled
@no_type_check
def point_impact(x: float, y: float, vx: float, vy: float, reach: float) -> float:
    """Seconds until |(x, y) + (vx, vy) t| = reach: the smaller root, infinite where the two part or
    miss."""
    half, gap = x * vx + y * vy, x * x + y * y - reach * reach
    square = vx * vx + vy * vy
    discriminant = half * half - square * gap
    if half >= 0.0 or discriminant <= 0.0 or gap <= -TOLERANCE_M:
        return np.inf
    return max(gap, 0.0) / (math.sqrt(discriminant) - half)


@compiled
@no_type_check
def box_impact(
    x: float,
    y: float,
    vx: float,
    vy: float,
    radius: float,
    half_width: float,
    half_height: float,
    normal: np.ndarray,
) -> float:
    """Seconds until a disc at (x, y) from the centre of an upright box touches it; sets the outward
    normal there.

    Where two corners are touched in one moment, the normal is the mean of theirs.
    """
    soonest = np.inf
    normal[:] = 0.0
    for side in (-1.0, 1.0):
        if vx * side < 0.0:
            time = (side * (half_width + radius) - x) / vx
            if -TOLERANCE_M < time < soonest and abs(y + vy * time) <= half_height:
                soonest, normal[0], normal[1] = max(time, 0.0), side, 0.0
        if vy * side < 0.0:
            time = (side * (half_height + radius) - y) / vy
            if -TOLERANCE_M < time < soonest and abs(x + vx * time) <= half_width:
                soonest, normal[0], normal[1] = max(time, 0.0), 0.0, side
    for side in (-1.0, 1.0):
        for level in (-1.0, 1.0):
            across, up = x - side * half_width, y - level * half_height
            time = point_impact(across, up, vx, vy, radius)
            if time < soonest - SAME_MOMENT_S:
                soonest, normal[0], normal[1] = time, across + vx * time, up + vy * time
            elif (
                time < soonest + SAME_MOMENT_S
                and time < np.inf
                and abs(normal[0]) != 1.0
                and abs(normal[1]) != 1.0
            ):
                normal[0] += across + vx * time
                normal[1] += up + vy * time
    length = math.hypot(normal[0], normal[1])
    if length > 0.0:
        normal /= length
    return soonest
