"""Failures that were held out at first. Once their results had been used to correct rules, they
became development failures like those of `corruptions_development`.

blink      a body is there in every other frame
pulse      it swells and shrinks by 35 %, up and down in eight frames
merge      two bodies become one: one moves to the other's place and vanishes
rise       it goes straight up by 0.25 m per frame, like a balloon
shrink     it shrinks to half its size over eight frames
freeze     everything stands still for five frames, then goes on
skip       four frames are left out
recolour   it turns orange at once and stays orange
wind       it is blown sideways, faster and faster
"""

import numpy as np

from physscale.evaluate.calibration.corruption import (
    LASTING,
    SLOW,
    CorruptedVideo,
    Corruption,
    Occasion,
    X,
    Y,
    at_occasion,
    scaled,
    visibly,
)
from physscale.records.scene import AWAY_M
from physscale.records.video import COLOUR, PLACE

SKIPPED = 4
RISE_M, WIND_M = 0.25, 0.08
ORANGE = (255.0, 150.0, 0.0)


@at_occasion(lasting=SLOW)
def blink(at: Occasion) -> CorruptedVideo | None:
    at.states[:SLOW:2, X] = AWAY_M
    return at.out


@at_occasion(lasting=SLOW)
def pulse(at: Occasion) -> CorruptedVideo | None:
    larger = 1.0 + 0.35 * np.sin(2 * np.pi * (at.since + 1) / SLOW)
    scaled(at.out, body=at.body, start=at.start, by=larger)
    return at.out


@at_occasion(lasting=SLOW)
def merge(at: Occasion) -> CorruptedVideo | None:
    rest = at.others()
    if not rest:
        return None
    place = at.out.state[:, at.body, PLACE]
    other = at.out.state[:, at.one_of(rest), PLACE]
    place += at.grown_share(within=SKIPPED)[:, None] * (other - place)
    at.states[SKIPPED:, X] = AWAY_M
    return at.out


@at_occasion()
def rise(at: Occasion) -> CorruptedVideo | None:
    at.states[:] = at.states[0]
    at.states[:, Y] += RISE_M * at.since
    return at.out


@at_occasion(lasting=SLOW)
def shrink(at: Occasion) -> CorruptedVideo | None:
    scaled(at.out, body=at.body, start=0, by=1.0 - 0.5 * at.grown_share(within=SLOW))
    return at.out


@at_occasion(lasting=SLOW)
def freeze(at: Occasion) -> CorruptedVideo | None:
    if np.linalg.norm(at.step) < 0.1:
        return None
    at.out.state[:] = at.out.state[at.held_back(frames=LASTING)]
    return at.out


@at_occasion(lasting=SLOW)
def skip(at: Occasion) -> CorruptedVideo | None:
    if np.linalg.norm(at.places[SKIPPED] - at.places[0]) < 0.8:
        return None
    later = at.start + at.since + SKIPPED
    at.out.state[at.start :] = at.out.state[np.minimum(later, len(at.out.state) - 1)]
    return at.out


@at_occasion()
def recolour(at: Occasion) -> CorruptedVideo | None:
    at.out.body[at.start :, at.body, COLOUR] = ORANGE
    return at.out


@at_occasion(lasting=SLOW)
def wind(at: Occasion) -> CorruptedVideo | None:
    way = 0.5 * WIND_M * at.since**2
    at.states[:, X] += way if at.rng.random() < 0.5 else -way
    return at.out


DEVELOPMENT_2: dict[str, Corruption] = {
    "blink": blink,
    "pulse": pulse,
    "merge": merge,
    "rise": rise,
    "shrink": shrink,
    "freeze": visibly(freeze),
    "skip": skip,
    "recolour": recolour,
    "wind": visibly(wind),
}
