"""Failures that the paper does not show. Rules that missed some of them were corrected, so
detecting them proves nothing about other failures.

fade           a body pales to nothing over eight frames
colour_drift   it turns into another colour over eight frames
growth         it grows by 40 % over the rest of the video
jitter         it trembles about its path, by 0.25 m
boomerang      all bodies run backwards from some frame on
mirror         a body turns back sideways with nothing near
tunnel         it sinks through the floor, or leaves through the side of the view
slow_motion    everything goes on at half speed
elasticity     the two balls part with 0.4 of the speed; in PHYRE a body at rest bounces up
twin           a second body of the same look appears and stays
"""

import numpy as np

from physscale.evaluate.calibration.corruption import (
    LASTING,
    RADIUS,
    SLOW,
    CorruptedVideo,
    Corruption,
    Occasion,
    X,
    Y,
    as_is,
    at_occasion,
    in_phyre,
    in_view,
    joined,
    movable,
    scaled,
    second_of,
    visibly,
)
from physscale.evaluate.calibration.elasticity import elasticity, travelled_m
from physscale.records.scene import WORLD_M
from physscale.records.video import COLOUR, PLACE, Videos

TREMBLE_M = 0.25
FASTER = 1.3


@at_occasion(lasting=SLOW)
def fade(at: Occasion) -> CorruptedVideo | None:
    return _tinted(at, towards=(255.0, 255.0, 255.0))


@at_occasion(lasting=SLOW)
def colour_drift(at: Occasion) -> CorruptedVideo | None:
    return _tinted(at, towards=(0.0, 160.0, 0.0))


def _tinted(at: Occasion, *, towards: tuple[float, float, float]) -> CorruptedVideo:
    colour = at.out.body[:, at.body, COLOUR]
    share = at.grown_share(within=SLOW)[:, None]
    colour[:] = np.round((1 - share) * colour + share * np.array(towards))
    return at.out


@at_occasion(lasting=SLOW)
def growth(at: Occasion) -> CorruptedVideo | None:
    scaled(at.out, body=at.body, start=0, by=1.0 + 0.4 * at.grown_share(within=SLOW))
    return at.out


@at_occasion()
def jitter(at: Occasion) -> CorruptedVideo | None:
    at.places[:] += at.rng.normal(0.0, TREMBLE_M, at.places.shape)
    return at.out


def boomerang(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    """Only if something moves visibly: half a metre in the frames that count."""
    state = videos.state[row].astype(np.float64)
    bodies = movable(videos, row)
    seen = in_view(state, videos.body[row])
    starts = [
        start
        for start in range(LASTING, len(state) - LASTING)
        if any(
            seen[start - LASTING : start + 1, body].all()
            and travelled_m(state, body=body, start=start - LASTING, end=start) > 0.8
            for body in bodies
        )
    ]
    if not starts:
        return None
    start = starts[int(rng.integers(len(starts)))]
    out = as_is(videos, row)
    back = np.maximum(2 * start - np.arange(start, len(state)), 0)
    out.state[start:] = state[back]
    return out


def mirror(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    """Only if it moves sideways by half a metre or more in the frames that count."""
    state = videos.state[row].astype(np.float64)
    seen = in_view(state, videos.body[row])
    choices = [
        (body, start)
        for body in movable(videos, row)
        for start in range(3, len(state) - LASTING)
        if seen[start - 2 : start + LASTING, body].all()
        and abs(state[start + LASTING, body, X] - state[start, body, X]) > 0.5
    ]
    if not choices:
        return None
    body, start = choices[int(rng.integers(len(choices)))]
    out = as_is(videos, row)
    out.state[start:, body, X] = 2 * state[start, body, X] - state[start:, body, X]
    return out


@at_occasion()
def tunnel(at: Occasion) -> CorruptedVideo | None:
    """One metre per four frames: straight down through the floor in PHYRE, otherwise sideways
    through the nearer side of the view."""
    way = 0.25 * (at.since + 1)
    if in_phyre(at.videos, at.row):
        at.places[:] = at.places[0]
        at.states[:, Y] -= way
    else:
        at.states[:, Y] += way if at.states[0, Y] > WORLD_M / 2 else -way
    return at.out


def slow_motion(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    """Only if something moves a metre or more in the frames that count."""
    state = videos.state[row].astype(np.float64)
    seen = in_view(state, videos.body[row])
    starts = [
        start
        for start in range(3, len(state) - 2 * LASTING)
        if any(
            seen[start - 2 : start + 2 * LASTING, body].all()
            and travelled_m(state, body=body, start=start, end=start + 2 * LASTING) > 1.0
            for body in movable(videos, row)
        )
    ]
    if not starts:
        return None
    start = starts[int(rng.integers(len(starts)))]
    out = as_is(videos, row)
    time = start + 0.5 * np.arange(len(state) - start)
    before, share = np.floor(time).astype(int), (time % 1.0)[:, None, None]
    after = np.minimum(before + 1, len(state) - 1)
    out.state[start:] = (1 - share) * state[before] + share * state[after]
    return out


@at_occasion(lasting=SLOW)
def speed_up(at: Occasion) -> CorruptedVideo | None:
    """From the chosen frame on, the last step is repeated 1.3 times as long. Only if that step is
    at least 0.15 m."""
    if np.linalg.norm(at.step) < 0.15:
        return None
    at.places[:] += (FASTER - 1) * at.step * at.since[:, None]
    return at.out


@at_occasion()
def twin(at: Occasion) -> CorruptedVideo | None:
    second = second_of(at.out, body=at.body, start=at.start)
    sizes = at.out.body[0, :, RADIUS]
    radius = min(sizes[at.body], 1.5)
    for _ in range(50):
        there = at.rng.uniform(radius, WORLD_M - radius, 2)
        apart = np.linalg.norm(at.out.state[at.start :, :, PLACE] - there, axis=-1) - sizes
        if apart[:, sizes > 0].min() > radius + 0.3:
            second.state[at.start :, 0, PLACE] = there
            return joined(at.out, second)
    return None


DEVELOPMENT: dict[str, Corruption] = {
    "fade": fade,
    "colour_drift": colour_drift,
    "growth": growth,
    "jitter": jitter,
    "boomerang": visibly(boomerang),
    "mirror": visibly(mirror),
    "tunnel": tunnel,
    "slow_motion": visibly(slow_motion),
    "speed_up": speed_up,
    "elasticity": visibly(elasticity),
    "twin": twin,
}
