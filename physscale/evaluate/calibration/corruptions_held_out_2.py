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
    at_occasion,
    in_view,
    joined,
    scaled,
    second_of,
    visibly,
)
from physscale.records.scene import WORLD_M
from physscale.records.video import PLACE

ASIDE_M, FRAMES_PER_TURN = 0.8, 4
LEAP_M = 1.2
PIECE = 0.5
PLUNGE_M = 0.12
UNLIKE = 1.3
"""The ratio from which two sizes look different."""


@at_occasion(lasting=SLOW)
def tow(at: Occasion) -> CorruptedVideo | None:
    """Only if the path leads `VISIBLE_M` off the other body's own, in frames that count."""
    rest = [body for body in at.others() if _in_view(at, body, frames=SLOW)]
    if not rest:
        return None
    towed = at.out.state[at.start :, at.one_of(rest), PLACE]
    own = towed.copy()
    towed[:] = own[0] + at.places - at.places[0]
    way = np.linalg.norm(towed - own, axis=-1)
    return at.out if way[:SLOW].max() >= VISIBLE_M else None


@at_occasion(lasting=SLOW)
def zigzag(at: Occasion) -> CorruptedVideo | None:
    at.states[:, X] += ASIDE_M * np.sin(2 * np.pi * (at.since + 1) / FRAMES_PER_TURN)
    return at.out


@at_occasion()
def leap(at: Occasion) -> CorruptedVideo | None:
    """Only if it lands in view."""
    turn = at.rng.uniform(0.0, 2 * np.pi)
    at.places[:] += LEAP_M * np.array([np.cos(turn), np.sin(turn)])
    margin = float(at.videos.body[at.row, at.body, RADIUS])
    landed = at.places[:3]
    return at.out if (landed >= margin).all() and (landed <= WORLD_M - margin).all() else None


@at_occasion(lasting=SLOW)
def shed(at: Occasion) -> CorruptedVideo | None:
    """Only if it moves on far enough for the piece to stand alone."""
    way = np.linalg.norm(at.places[:SLOW] - at.places[0], axis=-1)
    if way.max() < max(VISIBLE_M, 2 * at.videos.body[at.row, at.body, RADIUS]):
        return None
    piece = second_of(at.out, body=at.body, start=at.start)
    piece.state[at.start :, 0] = at.states[0]
    scaled(piece, body=0, start=0, by=np.full(len(piece.body), PIECE))
    return joined(at.out, piece)


@at_occasion(lasting=SLOW)
def plunge(at: Occasion) -> CorruptedVideo | None:
    at.states[:, Y] -= 0.5 * PLUNGE_M * at.since**2
    return at.out


@at_occasion()
def size_swap(at: Occasion) -> CorruptedVideo | None:
    """Only for two bodies of one shape, both in view."""
    body = at.out.body[0]
    ratio = body[:, RADIUS] / body[at.body, RADIUS]
    unlike = [
        other
        for other in at.others()
        if _in_view(at, other, frames=3)
        and body[other, SHAPE] == body[at.body, SHAPE]
        and max(ratio[other], 1 / ratio[other]) >= UNLIKE
    ]
    if not unlike:
        return None
    pair = [at.body, at.one_of(unlike)]
    for side in (RADIUS, HALF_HEIGHT):
        at.out.body[at.start :, pair, side] = at.out.body[at.start :, pair[::-1], side]
    return at.out


def _in_view(at: Occasion, body: int, *, frames: int) -> bool:
    """Whether another body of the row is also in view for this many frames."""
    seen = in_view(at.videos.state[at.row], at.videos.body[at.row])
    return bool(seen[at.start : at.start + frames, body].all())


HELD_OUT_2: dict[str, Corruption] = {
    "tow": visibly(tow),
    "zigzag": visibly(zigzag),
    "leap": visibly(leap),
    "shed": shed,
    "plunge": visibly(plunge),
    "size_swap": size_swap,
}
