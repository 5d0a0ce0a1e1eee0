"""Held-out failures. They were measured once on free discs and twice on PHYRE; one tolerance was
corrected in between (see `corruptions_held_out_2`).

rebound      a body turns back upwards or downwards with nothing near
brake        each step is a third shorter than the one before, until it stops
float_off    it is pushed up by half of PHYRE's gravity
attract      it veers towards another body
orbit        it circles beside its last place, one turn per eight frames
flash        it is 1.5 times as large for four frames
echo         a copy of it follows five frames behind
colour_swap  two bodies of different colours exchange them
stutter      every other frame repeats the one before
shuffle      the order of several frames is changed
late         it waits for five frames, then continues
whirl        it turns 25° per frame too fast

A wrong motion leads `VISIBLE_M` off the path within the frames that count (`corruption.py`), for
free discs too.
"""

import numpy as np

from physscale.evaluate.calibration.corruption import (
    ANGLE,
    SHAPE,
    SLOW,
    VISIBLE_M,
    CorruptedVideo,
    Corruption,
    Occasion,
    Y,
    as_is,
    at_occasion,
    frame_step,
    held_back,
    in_view,
    joined,
    movable,
    others,
    scaled,
    second_of,
    visibly,
)
from physscale.records.scene import Shape
from physscale.records.video import COLOUR, PLACE

SHRINKS = 2 / 3
LIFT_M = 0.06
PULL_M = 0.08
CIRCLE_M, FRAMES_A_TURN = 0.6, 8
LARGER, FLASH = 1.5, 4
BEHIND = 5
TURN_RAD = np.radians(25.0)


def _if_far(at: Occasion, out: CorruptedVideo) -> CorruptedVideo | None:
    """The corrupted video if the body is far enough off its path, in frames that count and in which
    it should be in view; else None."""
    true = at.videos.state[at.row].astype(np.float64)
    shown = slice(at.start, at.start + SLOW)
    way = np.linalg.norm(out.state[shown, at.body, PLACE] - true[shown, at.body, PLACE], axis=-1)
    seen = in_view(true, at.videos.body[at.row])[shown, at.body]
    return out if (way[seen] >= VISIBLE_M).any() else None


@at_occasion(lasting=SLOW)
def rebound(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    out.state[at.start :, at.body, Y] = (
        2 * out.state[at.start, at.body, Y] - out.state[at.start :, at.body, Y]
    )
    return _if_far(at, out)


@at_occasion(lasting=SLOW)
def brake(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(1, len(out.state) - at.start + 1)[:, None]
    step = frame_step(out.state, body=at.body, start=at.start)
    way = step * SHRINKS * (1 - SHRINKS**since) / (1 - SHRINKS)
    out.state[at.start :, at.body, PLACE] = out.state[at.start - 1, at.body, PLACE] + way
    return _if_far(at, out)


@at_occasion(lasting=SLOW)
def float_off(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(len(out.state) - at.start)
    out.state[at.start :, at.body, Y] += 0.5 * LIFT_M * since**2
    return _if_far(at, out)


@at_occasion(lasting=SLOW)
def attract(at: Occasion) -> CorruptedVideo | None:
    rest = others(at)
    if not rest:
        return None
    out = as_is(at.videos, at.row)
    to = (
        out.state[at.start, rest[int(at.rng.integers(len(rest)))], PLACE]
        - out.state[at.start, at.body, PLACE]
    )
    since = np.arange(len(out.state) - at.start)[:, None]
    out.state[at.start :, at.body, PLACE] += (
        0.5 * PULL_M * since**2 * to / max(float(np.linalg.norm(to)), 1e-6)
    )
    return _if_far(at, out)


@at_occasion(lasting=SLOW)
def orbit(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    turn = 2 * np.pi * np.arange(len(out.state) - at.start) / FRAMES_A_TURN
    out.state[at.start :, at.body] = out.state[at.start, at.body]
    out.state[at.start :, at.body, PLACE] += CIRCLE_M * np.stack(
        [np.cos(turn) - 1.0, np.sin(turn)], -1
    )
    return _if_far(at, out)


@at_occasion(lasting=SLOW)
def flash(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(len(out.state) - at.start)
    scaled(out, body=at.body, start=at.start, by=np.where(since < FLASH, LARGER, 1.0))
    return out


@at_occasion(lasting=SLOW)
def echo(at: Occasion) -> CorruptedVideo | None:
    """Only if the two come apart by `VISIBLE_M`."""
    out = as_is(at.videos, at.row)
    second = second_of(out, body=at.body, start=at.start)
    frame = np.arange(at.start, len(out.state))
    second.state[at.start :, 0] = out.state[np.maximum(frame - BEHIND, 0), at.body]
    apart = np.linalg.norm(
        second.state[at.start : at.start + SLOW, 0, PLACE]
        - out.state[at.start : at.start + SLOW, at.body, PLACE],
        axis=-1,
    )
    if apart.max() < VISIBLE_M:
        return None
    return joined(out, second)


@at_occasion()
def colour_swap(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    colours = out.body[0, :, COLOUR]
    seen = in_view(out.state, at.videos.body[at.row])
    unlike = [
        body
        for body in movable(at.videos, at.row)
        if (colours[body] != colours[at.body]).any() and seen[at.start : at.start + 3, body].all()
    ]
    if not unlike:
        return None
    other = unlike[int(at.rng.integers(len(unlike)))]
    out.body[at.start :, [at.body, other], COLOUR] = out.body[at.start :, [other, at.body], COLOUR]
    return out


@at_occasion(lasting=SLOW)
def stutter(at: Occasion) -> CorruptedVideo | None:
    """Only if it moves by 0.15 m per frame or more: the picture then jumps by twice as much."""
    out = as_is(at.videos, at.row)
    if np.linalg.norm(
        out.state[at.start + SLOW - 1, at.body, PLACE] - out.state[at.start, at.body, PLACE]
    ) < 0.15 * (SLOW - 1):
        return None
    frame = np.arange(len(out.state))
    out.state[:] = out.state[np.where(frame < at.start, frame, frame - (frame - at.start) % 2)]
    return out


@at_occasion(lasting=SLOW)
def shuffle(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    order = np.arange(len(out.state))
    order[at.start : at.start + SLOW] = at.start + at.rng.permutation(SLOW)
    out.state[:] = out.state[order]
    return _if_far(at, out)


@at_occasion(lasting=SLOW)
def late(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    out.state[:, at.body] = out.state[held_back(at, frames=BEHIND), at.body]
    return _if_far(at, out)


@at_occasion(lasting=SLOW)
def whirl(at: Occasion) -> CorruptedVideo | None:
    """Not for discs."""
    if at.videos.body[at.row, at.body, SHAPE] == Shape.DISC:
        return None
    out = as_is(at.videos, at.row)
    out.state[at.start :, at.body, ANGLE] += TURN_RAD * np.arange(1, len(out.state) - at.start + 1)
    return out


HELD_OUT: dict[str, Corruption] = {
    "rebound": visibly(rebound),
    "brake": visibly(brake),
    "float_off": visibly(float_off),
    "attract": visibly(attract),
    "orbit": visibly(orbit),
    "flash": flash,
    "echo": echo,
    "colour_swap": colour_swap,
    "stutter": visibly(stutter),
    "shuffle": visibly(shuffle),
    "late": visibly(late),
    "whirl": whirl,
}
