"""The failures that the paper shows (arXiv 2411.02385, appendix G). The detector's rules were
written for them.

vanish         a body is absent, for three frames or to the end
reappear       it is absent for three frames and comes back 2 m or more away
deform         its shape changes for good: a disc becomes a box, a bar becomes short and thick,
               other shapes shrink to 0.7 of their size
pass_through   it passes through the body that it meets
stand_up       a fallen body gets up again: its motion runs backwards
hang           it stops in the air
swap           two bodies of different size or colour change places
split          it splits into two halves that separate
"""

import numpy as np

from physscale.evaluate.calibration.corruption import (
    ANGLE,
    HALF_HEIGHT,
    LASTING,
    RADIUS,
    SHAPE,
    VISIBLE_M,
    CorruptedVideo,
    Corruption,
    Occasion,
    X,
    Y,
    as_is,
    at_occasion,
    fall_m,
    in_phyre,
    in_view,
    joined,
    movable,
    occasion,
    second_of,
    visibly,
)
from physscale.evaluate.calibration.pass_through import pass_through
from physscale.records.scene import AWAY_M, WORLD_M, Shape
from physscale.records.video import COLOUR, PLACE, Videos


@at_occasion()
def vanish(at: Occasion) -> CorruptedVideo | None:
    at.states[: 3 if at.rng.random() < 0.5 else None, X] = AWAY_M
    return at.out


@at_occasion()
def reappear(at: Occasion) -> CorruptedVideo | None:
    here = at.places[0].copy()
    radius = at.out.body[0, at.body, RADIUS]
    for _ in range(50):
        there = at.rng.uniform(radius, WORLD_M - radius, 2)
        if np.linalg.norm(there - here) >= 2.0:
            at.places[3:] += there - here
            at.states[:3, X] = AWAY_M
            return at.out
    return None


@at_occasion()
def deform(at: Occasion) -> CorruptedVideo | None:
    wrong = at.out.body[at.start :, at.body]
    match Shape(int(wrong[0, SHAPE])):
        case Shape.DISC:
            wrong[:, SHAPE], wrong[:, HALF_HEIGHT] = Shape.BOX, 0.65 * wrong[:, RADIUS]
            wrong[:, RADIUS] *= 1.2
        case Shape.BOX:
            wrong[:, RADIUS] *= 0.6
            wrong[:, HALF_HEIGHT] *= 1.7
        case _:
            wrong[:, [RADIUS, HALF_HEIGHT]] *= 0.7
    return at.out


def stand_up(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    """In PHYRE a body that sank by half a metre or turned by 40° and came to rest. Otherwise a
    falling ball, from some frame on."""
    state = videos.state[row].astype(np.float64)
    frames = len(state)
    if not in_phyre(videos, row):
        chosen = occasion(videos, row, rng, lasting=LASTING) if fall_m(videos, row) > 1e-3 else None
        return None if chosen is None else _backwards(videos, row, body=chosen[0], start=chosen[1])
    choices = []
    for body in movable(videos, row):
        step = np.linalg.norm(np.diff(state[:, body, PLACE], axis=0), axis=-1)
        still = np.flatnonzero(step > 0.02)
        rest = int(still[-1]) + 2 if len(still) else frames
        if rest > frames - LASTING:
            continue
        earlier = max(2 * rest - frames + 1, 0)
        rise = state[earlier, body, Y] - state[-1, body, Y]
        turn = abs(state[earlier, body, ANGLE] - state[-1, body, ANGLE])
        if rise > 0.5 or (turn > np.radians(40) and videos.body[row, body, SHAPE] != Shape.DISC):
            choices.append((body, rest))
    if not choices:
        return None
    body, start = choices[int(rng.integers(len(choices)))]
    return _backwards(videos, row, body=body, start=start)


def _backwards(videos: Videos, row: int, *, body: int, start: int) -> CorruptedVideo:
    out = as_is(videos, row)
    back = np.maximum(2 * start - np.arange(start, len(out.state)), 0)
    out.state[start:, body] = videos.state[row, back, body]
    return out


def hang(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    """Only if it would move by `VISIBLE_M` or more within the frames that count."""
    state = videos.state[row].astype(np.float64)
    seen = in_view(state, videos.body[row])
    phyre = in_phyre(videos, row)
    choices = []
    for body in movable(videos, row):
        for start in range(3, len(state) - LASTING + 1):
            later = min(start + LASTING, len(state) - 1)
            way = state[start, body, PLACE] - state[later, body, PLACE]
            gone = way[1] if phyre else float(np.linalg.norm(way))
            if seen[start - 2 : later + 1, body].all() and gone >= VISIBLE_M:
                choices.append((body, start))
    if not choices:
        return None
    body, start = choices[int(rng.integers(len(choices)))]
    out = as_is(videos, row)
    out.state[start:, body] = out.state[start, body]
    return out


def swap(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
    out = as_is(videos, row)
    seen = in_view(out.state, videos.body[row])
    bodies = movable(videos, row)
    choices = []
    for place, one in enumerate(bodies):
        for other in bodies[:place]:
            first, second = out.body[0, one], out.body[0, other]
            size = max(first[RADIUS], second[RADIUS]) / min(first[RADIUS], second[RADIUS])
            unlike = (
                size > 1.25
                or first[SHAPE] != second[SHAPE]
                or (first[COLOUR] != second[COLOUR]).any()
            )
            for start in range(4, len(out.state) - LASTING + 1):
                apart = np.linalg.norm(
                    out.state[start, one, PLACE] - out.state[start, other, PLACE]
                )
                if unlike and apart > 1.0 and seen[start - 2 : start + LASTING, [one, other]].all():
                    choices.append((one, other, start))
    if not choices:
        return None
    one, other, start = choices[int(rng.integers(len(choices)))]
    out.state[start:, [one, other], PLACE] = out.state[start:, [other, one], PLACE]
    return out


@at_occasion()
def split(at: Occasion) -> CorruptedVideo | None:
    """Bars along their length, discs into two of half the area; jars and sticks stay whole."""
    shape = at.videos.body[at.row, at.body, SHAPE]
    if shape not in (Shape.DISC, Shape.BOX):
        return None
    disc = shape == Shape.DISC
    radius = at.out.body[at.start :, at.body, RADIUS]
    radius *= np.sqrt(0.5) if disc else 0.5
    twin = second_of(at.out, body=at.body, start=at.start)
    angle = np.pi / 2 if disc else at.states[0, ANGLE]
    apart = radius[-1] + 0.12 * (at.since + 1)
    way = apart[:, None] * np.array([np.cos(angle), np.sin(angle)])
    at.places[:] += way
    twin.state[at.start :, 0, PLACE] -= way
    return joined(at.out, twin)


CORRUPTIONS: dict[str, Corruption] = {
    "vanish": vanish,
    "reappear": reappear,
    "deform": deform,
    "pass_through": pass_through,
    "stand_up": visibly(stand_up),
    "hang": visibly(hang),
    "swap": swap,
    "split": split,
}
