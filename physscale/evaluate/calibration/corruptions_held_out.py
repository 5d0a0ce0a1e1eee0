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
    at_occasion,
    in_view,
    joined,
    movable,
    scaled,
    second_of,
    visibly,
)
from physscale.records.scene import Shape
from physscale.records.video import COLOUR, PLACE

SHRINKS = 2 / 3
LIFT_M = 0.06
PULL_M = 0.08
CIRCLE_M, FRAMES_PER_TURN = 0.6, 8
LARGER, FLASH = 1.5, 4
BEHIND = 5
TURN_RAD = np.radians(25.0)


def _if_far(at: Occasion) -> CorruptedVideo | None:
    """The corrupted video if the body is far enough off its path, in frames that count and in which
    it should be in view; else None."""
    true = at.videos.state[at.row, at.start : at.start + SLOW].astype(np.float64)
    way = np.linalg.norm(at.places[:SLOW] - true[:, at.body, PLACE], axis=-1)
    seen = in_view(true, at.videos.body[at.row])[:, at.body]
    return at.out if (way[seen] >= VISIBLE_M).any() else None


@at_occasion(lasting=SLOW)
def rebound(at: Occasion) -> CorruptedVideo | None:
    at.states[:, Y] = 2 * at.states[0, Y] - at.states[:, Y]
    return _if_far(at)


@at_occasion(lasting=SLOW)
def brake(at: Occasion) -> CorruptedVideo | None:
    shrunk = 1 - SHRINKS ** (at.since[:, None] + 1)
    before = at.out.state[at.start - 1, at.body, PLACE]
    at.places[:] = before + at.step * SHRINKS * shrunk / (1 - SHRINKS)
    return _if_far(at)


@at_occasion(lasting=SLOW)
def float_off(at: Occasion) -> CorruptedVideo | None:
    at.states[:, Y] += 0.5 * LIFT_M * at.since**2
    return _if_far(at)


@at_occasion(lasting=SLOW)
def attract(at: Occasion) -> CorruptedVideo | None:
    rest = at.others()
    if not rest:
        return None
    to = at.out.state[at.start, at.one_of(rest), PLACE] - at.places[0]
    way = 0.5 * PULL_M * at.since[:, None] ** 2 * to
    at.places[:] += way / max(float(np.linalg.norm(to)), 1e-6)
    return _if_far(at)


@at_occasion(lasting=SLOW)
def orbit(at: Occasion) -> CorruptedVideo | None:
    turn = 2 * np.pi * at.since / FRAMES_PER_TURN
    at.states[:] = at.states[0]
    at.places[:] += CIRCLE_M * np.stack([np.cos(turn) - 1.0, np.sin(turn)], -1)
    return _if_far(at)


@at_occasion(lasting=SLOW)
def flash(at: Occasion) -> CorruptedVideo | None:
    scaled(at.out, body=at.body, start=at.start, by=np.where(at.since < FLASH, LARGER, 1.0))
    return at.out


@at_occasion(lasting=SLOW)
def echo(at: Occasion) -> CorruptedVideo | None:
    """Only if the two come apart by `VISIBLE_M`."""
    second = second_of(at.out, body=at.body, start=at.start)
    earlier = np.maximum(at.start + at.since - BEHIND, 0)
    second.state[at.start :, 0] = at.out.state[earlier, at.body]
    apart = np.linalg.norm(second.state[at.start :, 0, PLACE] - at.places, axis=-1)
    return joined(at.out, second) if apart[:SLOW].max() >= VISIBLE_M else None


@at_occasion()
def colour_swap(at: Occasion) -> CorruptedVideo | None:
    colours = at.out.body[0, :, COLOUR]
    seen = in_view(at.out.state, at.videos.body[at.row])[at.start : at.start + 3].all(0)
    unlike = (colours != colours[at.body]).any(-1) & seen
    choices = [body for body in movable(at.videos, at.row) if unlike[body]]
    if not choices:
        return None
    pair = [at.body, at.one_of(choices)]
    at.out.body[at.start :, pair, COLOUR] = at.out.body[at.start :, pair[::-1], COLOUR]
    return at.out


@at_occasion(lasting=SLOW)
def stutter(at: Occasion) -> CorruptedVideo | None:
    """Only if it moves by 0.15 m per frame or more: the picture then jumps by twice as much."""
    if np.linalg.norm(at.places[SLOW - 1] - at.places[0]) < 0.15 * (SLOW - 1):
        return None
    at.out.state[at.start :] = at.out.state[at.start + at.since - at.since % 2]
    return at.out


@at_occasion(lasting=SLOW)
def shuffle(at: Occasion) -> CorruptedVideo | None:
    order = at.start + at.rng.permutation(SLOW)
    at.out.state[at.start : at.start + SLOW] = at.out.state[order]
    return _if_far(at)


@at_occasion(lasting=SLOW)
def late(at: Occasion) -> CorruptedVideo | None:
    at.out.state[:, at.body] = at.out.state[at.held_back(frames=BEHIND), at.body]
    return _if_far(at)


@at_occasion(lasting=SLOW)
def whirl(at: Occasion) -> CorruptedVideo | None:
    """Not for discs."""
    if at.videos.body[at.row, at.body, SHAPE] == Shape.DISC:
        return None
    at.states[:, ANGLE] += TURN_RAD * (at.since + 1)
    return at.out


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
