"""A corruption for development: bodies part with less speed, or more, than their elasticity
gives."""

import numpy as np

from physscale.evaluate.calibration.corruption import (
    LASTING,
    MASS,
    SLOW,
    VX,
    CorruptedVideo,
    X,
    Y,
    as_is,
    fall_m,
    in_phyre,
    in_view,
    movable,
    occasion,
)
from physscale.records.video import PLACE, Videos

BOUNCE = 0.4


def elasticity(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    if not in_phyre(videos, row):
        return _softer(videos, row)
    chosen = occasion(videos, row, rng, lasting=SLOW)
    if chosen is None:
        return None
    body, start = chosen
    state = videos.state[row].astype(np.float64)
    if travelled_m(state, body=body, start=start - 2, end=start) > 0.1:
        return None
    out = as_is(videos, row)
    since = np.arange(len(state) - start)
    fall = fall_m(videos, row)
    up = np.maximum(4 * fall * since - 0.5 * fall * since**2, 0.0)
    out.state[start:, body, Y] = state[start, body, Y] + up
    return out if out.state[start:, body, Y].max() - state[start, body, Y] > 0.5 else None


def _softer(videos: Videos, row: int) -> CorruptedVideo | None:
    """v' = (Σ m v ∓ e m (v₁ - v₂)) / Σ m on the line of the contact."""
    contact, time = float(videos.contact_s[row]), videos.time_s[row].astype(np.float64)
    if (
        len(movable(videos, row)) != 2
        or not np.isfinite(contact)
        or (time > contact).sum() < LASTING
    ):
        return None
    out = as_is(videos, row)
    mass = out.body[0, :, MASS]
    speed = out.state[0, :, VX]
    mean = (mass * speed).sum() / mass.sum()
    parted = mean - BOUNCE * (speed - mean)
    start = out.state[0, :, X] + speed * (contact - time[0])
    after = time > contact
    out.state[after, :, X] = start + parted * (time[after, None] - contact)
    seen = in_view(out.state, videos.body[row])[after]
    return out if seen[:3].all() else None


def travelled_m(state: np.ndarray, *, body: int, start: int, end: int) -> float:
    return float(np.linalg.norm(state[end, body, PLACE] - state[start, body, PLACE]))
