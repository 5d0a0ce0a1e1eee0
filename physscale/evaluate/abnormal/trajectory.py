"""The course of a disc with a behaviour of its own (`simulate.behaviour`) that fits its places
best.

Along its first direction a disc goes s(t) = v f(t) + c(t), by its kind: both follow from two speeds
of the closed form, which is linear in the speed. So x = x₀ ± (v f + c) is least squares in x₀ and
v, once for each sign, and the better one counts; y stays as it is."""

import numpy as np
from jaxtyping import Bool, Float

from physscale.simulate.behaviour import along


def best_course(
    place: Float[np.ndarray, "frames 2"],
    *,
    used: Bool[np.ndarray, " frames"],
    behaviour: int,
    time_s: Float[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames 2"]:
    """Places at all times, from those that are `used`; times count from the scene's beginning."""
    kind = np.full(len(time_s), behaviour)
    still, one = (
        along(kind, speed_m_s=np.full(len(time_s), speed), time_s=time_s).distance_m
        for speed in (0.0, 1.0)
    )
    best, least = place, np.inf
    for sign in (1.0, -1.0):
        design = np.stack([np.ones(len(time_s)), sign * (one - still)], -1)
        speed = max(
            float(
                np.linalg.lstsq(design[used], place[used, 0] - sign * still[used], rcond=None)[0][1]
            ),
            0.0,
        )
        way = sign * (speed * (one - still) + still)
        x = way + (place[:, 0] - way)[used].mean()
        wrong = float(((x - place[:, 0])[used] ** 2).sum())
        if wrong < least:
            best, least = np.stack([x, np.full(len(x), place[used, 1].mean())], -1), wrong
    return best
