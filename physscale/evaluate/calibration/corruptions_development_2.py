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
    as_is,
    at_occasion,
    frame_step,
    grown_share,
    held_back,
    others,
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
    out = as_is(at.videos, at.row)
    out.state[at.start : at.start + SLOW : 2, at.body, X] = AWAY_M
    return out


@at_occasion(lasting=SLOW)
def pulse(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(len(out.state) - at.start)
    larger = 1.0 + 0.35 * np.sin(2 * np.pi * (since + 1) / SLOW)
    scaled(out, body=at.body, start=at.start, by=larger)
    return out


@at_occasion(lasting=SLOW)
def merge(at: Occasion) -> CorruptedVideo | None:
    rest = others(at)
    if not rest:
        return None
    out = as_is(at.videos, at.row)
    other = rest[int(at.rng.integers(len(rest)))]
    share = grown_share(at, within=SKIPPED)[:, None]
    out.state[:, at.body, PLACE] += share * (
        out.state[:, other, PLACE] - out.state[:, at.body, PLACE]
    )
    out.state[at.start + SKIPPED :, at.body, X] = AWAY_M
    return out


@at_occasion()
def rise(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    out.state[at.start :, at.body] = out.state[at.start, at.body]
    out.state[at.start :, at.body, Y] += RISE_M * np.arange(len(out.state) - at.start)
    return out


@at_occasion(lasting=SLOW)
def shrink(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    scaled(out, body=at.body, start=0, by=1.0 - 0.5 * grown_share(at, within=SLOW))
    return out


@at_occasion(lasting=SLOW)
def freeze(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    if np.linalg.norm(frame_step(out.state, body=at.body, start=at.start)) < 0.1:
        return None
    out.state[:] = out.state[held_back(at, frames=LASTING)]
    return out


@at_occasion(lasting=SLOW)
def skip(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    if (
        np.linalg.norm(
            out.state[at.start + SKIPPED, at.body, PLACE] - out.state[at.start, at.body, PLACE]
        )
        < 0.8
    ):
        return None
    frame = np.arange(len(out.state))
    out.state[:] = out.state[
        np.minimum(np.where(frame < at.start, frame, frame + SKIPPED), frame[-1])
    ]
    return out


@at_occasion()
def recolour(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    out.body[at.start :, at.body, COLOUR] = ORANGE
    return out


@at_occasion(lasting=SLOW)
def wind(at: Occasion) -> CorruptedVideo | None:
    out = as_is(at.videos, at.row)
    since = np.arange(len(out.state) - at.start)
    way = 0.5 * WIND_M * since**2
    out.state[at.start :, at.body, X] += way if at.rng.random() < 0.5 else -way
    return out


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
