"""Failures of other natures than any before, written after the last rule was mended; nothing was
moved on what they showed.

tow        another body copies its way from some frame on, as if a rod held the two together
zigzag     it runs 0.8 m to one side and back, a turn in four frames
leap       it is 1.2 m further at once and goes on from there
shed       a piece of half its size stays behind where it was
plunge     it falls faster and faster, by as much again as what pulls in PHYRE
size_swap  two bodies of unlike size exchange their sizes
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

ASIDE_M, FRAMES_A_TURN = 0.8, 4
LEAP_M = 1.2
PIECE = 0.5
PLUNGE_M = 0.12
UNLIKE = 1.3
"""Ratio of two sizes that one sees to be different."""


@at_occasion(lasting=SLOW)
def tow(at: Occasion) -> CorruptedVideo | None:
    """Where the way differs from the other's own by `VISIBLE_M` while that should be in view."""
    seen = in_view(at.videos.state[at.row], at.videos.body[at.row])[at.start : at.start + SLOW]
    rest = [body for body in others(at) if seen[:, body].all()]
    if not rest:
        return None
    out = as_is(at.videos, at.row)
    other = rest[int(at.rng.integers(len(rest)))]
    own = out.state[:, other].copy()
    out.state[at.start :, other, :2] = (
        own[at.start, :2] + out.state[at.start :, at.body, :2] - out.state[at.start, at.body, :2]
    )
    way = np.linalg.norm(out.state[:, other, :2] - own[:, :2], axis=-1)
    return out if way[at.start : at.start + SLOW].max() >= VISIBLE_M else None


@at_occasion(lasting=SLOW)
def zigzag(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(1, len(out.state) - at.start + 1)
    out.state[at.start :, at.body, X] += ASIDE_M * np.sin(2 * np.pi * since / FRAMES_A_TURN)
    return out


@at_occasion()
def leap(at: Occasion) -> CorruptedVideo | None:
    """Where it lands in the view."""
    out = as_is(at.videos, at.row)
    turn = at.rng.uniform(0.0, 2 * np.pi)
    out.state[at.start :, at.body, :2] += LEAP_M * np.array([np.cos(turn), np.sin(turn)])
    margin = float(at.videos.body[at.row, at.body, RADIUS])
    landed = out.state[at.start : at.start + 3, at.body, :2]
    return out if (landed >= margin).all() and (landed <= WORLD_M - margin).all() else None


@at_occasion(lasting=SLOW)
def shed(at: Occasion) -> CorruptedVideo | None:
    """Where it goes on far enough for the piece to stand alone."""
    out = as_is(at.videos, at.row)
    way = np.linalg.norm(
        out.state[at.start : at.start + SLOW, at.body, :2] - out.state[at.start, at.body, :2],
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
    """Of one shape, both in view."""
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
