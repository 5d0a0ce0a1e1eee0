"""A failure that the paper shows: a body passes through the body that it meets."""

import numpy as np

from physscale.evaluate.abnormal.solids import Solids, distance_to, solids
from physscale.evaluate.calibration.corruption import (
    ANGLE,
    LASTING,
    CorruptedVideo,
    X,
    as_is,
    fall_m,
    frame_step,
    in_phyre,
    in_view,
    movable,
)
from physscale.records.scene import WORLD_M
from physscale.records.video import PLACE, VELOCITY, Videos


def pass_through(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    """From some frame on the body flies freely, on a way that leads its middle through another
    body; in a law both balls do."""
    if not in_phyre(videos, row):
        return _untouched(videos, row)
    frames = len(videos.state[row])
    starts = [(body, start) for body in movable(videos, row) for start in range(2, frames - 3)]
    shapes = solids(videos.body[row], px_m=WORLD_M / 128)
    for choice in rng.permutation(len(starts)).tolist():
        body, start = starts[choice]
        out = as_is(videos, row)
        step = frame_step(out.state, body=body, start=start)
        if np.linalg.norm(step) < 0.1:
            continue
        turn = out.state[start, body, ANGLE] - out.state[start - 1, body, ANGLE]
        since = np.arange(frames - start)[:, None]
        fall = np.array([0.0, -fall_m(videos, row)])
        out.state[start:, body, PLACE] = (
            out.state[start, body, PLACE] + step * since + 0.5 * fall * since * (since + 1)
        )
        out.state[start:, body, ANGLE] = out.state[start, body, ANGLE] + turn * since[:, 0]
        if _meets(out.state[start : start + LASTING], shapes=shapes, body=body):
            return out
    return None


def _untouched(videos: Videos, row: int) -> CorruptedVideo | None:
    """No contact: straight on, as long as both are in view until their middles have passed each
    other."""
    out, time = as_is(videos, row), videos.time_s[row].astype(np.float64)
    if not np.isfinite(videos.contact_s[row]):
        return None
    out.state[:, :, PLACE] = (
        out.state[0, :, PLACE] + out.state[0, :, VELOCITY] * (time - time[0])[:, None, None]
    )
    past = (out.state[:, 0, X] > out.state[:, 1, X]) & in_view(out.state, videos.body[row]).all(1)
    return out if past.any() else None


def _meets(state: np.ndarray, *, shapes: Solids, body: int) -> bool:
    """Whether the body's middle, in view, lies in another body at some frame or half-way between
    two."""
    way = np.concatenate([state, 0.5 * (state[1:] + state[:-1])])
    for moment in way:
        x, y = moment[body, PLACE]
        if min(x, y) < 0.3 or max(x, y) > WORLD_M - 0.3:
            continue
        for other in range(len(moment)):
            there = other != body and shapes.area_m2[other] > 0
            if (
                there
                and distance_to(
                    x, y, moment[other, :3], shapes.radius_m[other], shapes.edges[other]
                )
                < 0.0
            ):
                return True
    return False
