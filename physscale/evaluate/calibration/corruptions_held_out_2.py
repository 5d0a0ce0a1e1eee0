"""Held-out failures of new kinds, written after the last correction of a rule. Nothing was changed
after they were measured.

tow        another body copies its path from some frame on, as if a rod joined the two
zigzag     it swings 0.8 m to both sides, once per four frames
leap       it jumps by 1.2 m and continues from there
shed       a piece of half its size stays behind
plunge     it falls with PHYRE's gravity in addition to its own motion
size_swap  two bodies of different sizes exchange them
"""

import numpy as np

from physscale.evaluate.calibration.corruption import (
    HALF_HEIGHT,
    RADIUS,
    SHAPE,
    SLOW,
    VISIBLE_M,
    CorruptedVideo,
    Corruption,
    Occasion,
    X,
    Y,
    as_is,
    at_occasion,
    in_view,
    joined,
    others,
    scaled,
    second_of,
    visibly,
)
from physscale.records.scene import WORLD_M
from physscale.records.video import PLACE

ASIDE_M, FRAMES_A_TURN = 0.8, 4
LEAP_M = 1.2
PIECE = 0.5
PLUNGE_M = 0.12
UNLIKE = 1.3
"""The ratio from which two sizes look different."""


@at_occasion(lasting=SLOW)
def tow(at: Occasion) -> CorruptedVideo | None:
    """Only if the path leads `VISIBLE_M` off the other body's own, in frames that count."""
    seen = in_view(at.videos.state[at.row], at.videos.body[at.row])[at.start : at.start + SLOW]
    rest = [body for body in others(at) if seen[:, body].all()]
    if not rest:
        return None
    out = as_is(at.videos, at.row)
    other = rest[int(at.rng.integers(len(rest)))]
    own = out.state[:, other].copy()
    out.state[at.start :, other, PLACE] = (
        own[at.start, PLACE]
        + out.state[at.start :, at.body, PLACE]
        - out.state[at.start, at.body, PLACE]
    )
    way = np.linalg.norm(out.state[:, other, PLACE] - own[:, PLACE], axis=-1)
    return out if way[at.start : at.start + SLOW].max() >= VISIBLE_M else None


@at_occasion(lasting=SLOW)
def zigzag(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(1, len(out.state) - at.start + 1)
    out.state[at.start :, at.body, X] += ASIDE_M * np.sin(2 * np.pi * since / FRAMES_A_TURN)
    return out


@at_occasion()
def leap(at: Occasion) -> CorruptedVideo | None:
    """Only if it lands in view."""
    out = as_is(at.videos, at.row)
    turn = at.rng.uniform(0.0, 2 * np.pi)
    out.state[at.start :, at.body, PLACE] += LEAP_M * np.array([np.cos(turn), np.sin(turn)])
    margin = float(at.videos.body[at.row, at.body, RADIUS])
    landed = out.state[at.start : at.start + 3, at.body, PLACE]
    return out if (landed >= margin).all() and (landed <= WORLD_M - margin).all() else None


@at_occasion(lasting=SLOW)
def shed(at: Occasion) -> CorruptedVideo | None:
    """Only if it moves on far enough for the piece to stand alone."""
    out = as_is(at.videos, at.row)
    way = np.linalg.norm(
        out.state[at.start : at.start + SLOW, at.body, PLACE] - out.state[at.start, at.body, PLACE],
        axis=-1,
    )
    if way.max() < max(VISIBLE_M, 2 * at.videos.body[at.row, at.body, RADIUS]):
        return None
    piece = second_of(out, body=at.body, start=at.start)
    piece.state[at.start :, 0] = out.state[at.start, at.body]
    scaled(piece, body=0, start=0, by=np.full(len(piece.body), PIECE))
    return joined(out, piece)


@at_occasion(lasting=SLOW)
def plunge(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(len(out.state) - at.start)
    out.state[at.start :, at.body, Y] -= 0.5 * PLUNGE_M * since**2
    return out


@at_occasion()
def size_swap(at: Occasion) -> CorruptedVideo | None:
    """Only for two bodies of one shape, both in view."""
    out = as_is(at.videos, at.row)
    body = out.body[0]
    seen = in_view(at.videos.state[at.row], at.videos.body[at.row])[at.start : at.start + 3]
    alike = [
        other
        for other in others(at)
        if seen[:, other].all() and body[other, SHAPE] == body[at.body, SHAPE]
    ]
    ratio = body[:, RADIUS] / body[at.body, RADIUS]
    unlike = [other for other in alike if max(ratio[other], 1 / ratio[other]) >= UNLIKE]
    if not unlike:
        return None
    other = unlike[int(at.rng.integers(len(unlike)))]
    for side in (RADIUS, HALF_HEIGHT):
        out.body[at.start :, [at.body, other], side] = out.body[at.start :, [other, at.body], side]
    return out


HELD_OUT_2: dict[str, Corruption] = {
    "tow": visibly(tow),
    "zigzag": visibly(zigzag),
    "leap": visibly(leap),
    "shed": shed,
    "plunge": visibly(plunge),
    "size_swap": size_swap,
}
