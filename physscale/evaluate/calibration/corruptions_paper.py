"""The failures that the paper shows (arXiv 2411.02385, appendix G), made on purpose: what the
judge's rules were written and set against.

vanish         a body is gone, for three frames or for good
reappear       it is gone for three frames and is back 2 m or more away
deform         its shape is another for the rest: a disc a box, a bar short and thick, the others 0.7 of their size
pass_through   it goes on as if what it meets were not there
stand_up       what fell gets up again: its motion runs backwards
hang           it stops in the air
swap           two bodies of unlike size or colour change places
split          it falls into two halves that part
"""

import numpy as np

from physscale.evaluate.abnormal.solids import Solids, distance_to, solids
from physscale.evaluate.calibration.corruption import (
    ANGLE,
    HALF_HEIGHT,
    LASTING,
    RADIUS,
    RED,
    SHAPE,
    VISIBLE_M,
    Altered,
    Corruption,
    Occasion,
    X,
    Y,
    as_is,
    at_occasion,
    fall_m,
    frame_step,
    in_view,
    joined,
    movable,
    occasion,
    second_of,
    visibly,
)
from physscale.records.scene import AWAY_M, WORLD_M, Shape
from physscale.records.video import Videos


@at_occasion()
def vanish(at: Occasion) -> Altered | None:
    out = as_is(at.videos, at.row)
    out.state[at.start : at.start + 3 if at.rng.random() < 0.5 else None, at.body, X] = AWAY_M
    return out


@at_occasion()
def reappear(at: Occasion) -> Altered | None:
    out = as_is(at.videos, at.row)
    here = out.state[at.start, at.body, :2].copy()
    radius = out.body[0, at.body, RADIUS]
    for _ in range(50):
        there = at.rng.uniform(radius, WORLD_M - radius, 2)
        if np.linalg.norm(there - here) >= 2.0:
            out.state[at.start + 3 :, at.body, :2] += there - here
            out.state[at.start : at.start + 3, at.body, X] = AWAY_M
            return out
    return None


@at_occasion()
def deform(at: Occasion) -> Altered | None:
    out = as_is(at.videos, at.row)
    wrong = out.body[at.start :, at.body]
    match Shape(int(wrong[0, SHAPE])):
        case Shape.DISC:
            wrong[:, SHAPE], wrong[:, HALF_HEIGHT] = Shape.BOX, 0.65 * wrong[:, RADIUS]
            wrong[:, RADIUS] *= 1.2
        case Shape.BOX:
            wrong[:, RADIUS] *= 0.6
            wrong[:, HALF_HEIGHT] *= 1.7
        case _:
            wrong[:, [RADIUS, HALF_HEIGHT]] *= 0.7
    return out


def pass_through(videos: Videos, row: int, rng: np.random.Generator) -> Altered | None:
    """From some frame on the body flies freely, on a way that leads its middle through another
    body; in a law both balls do."""
    if videos.scenario[row] != "phyre":
        return _untouched(videos, row)
    frames = len(videos.state[row])
    starts = [(body, start) for body in movable(videos, row) for start in range(2, frames - 3)]
    shapes = solids(videos.body[row], px_m=WORLD_M / 128)
    for choice in rng.permutation(len(starts)).tolist():
        body, start = starts[choice]
        out = as_is(videos, row)
        step = frame_step(out.state, body=body, start=start)
        if np.linalg.norm(step) < 0.1:
            continue
        turn = out.state[start, body, ANGLE] - out.state[start - 1, body, ANGLE]
        since = np.arange(frames - start)[:, None]
        fall = np.array([0.0, -fall_m(videos, row)])
        out.state[start:, body, :2] = (
            out.state[start, body, :2] + step * since + 0.5 * fall * since * (since + 1)
        )
        out.state[start:, body, ANGLE] = out.state[start, body, ANGLE] + turn * since[:, 0]
        if _meets(out.state[start : start + LASTING], shapes=shapes, body=body):
            return out
    return None


def _untouched(videos: Videos, row: int) -> Altered | None:
    """No contact: straight on, as long as both are in view until their middles have passed each
    other."""
    out, time = as_is(videos, row), videos.time_s[row].astype(np.float64)
    if not np.isfinite(videos.contact_s[row]):
        return None
    out.state[:, :, :2] = (
        out.state[0, :, :2] + out.state[0, :, 3:5] * (time - time[0])[:, None, None]
    )
    past = (out.state[:, 0, X] > out.state[:, 1, X]) & in_view(out.state, videos.body[row]).all(1)
    return out if past.any() else None


def _meets(state: np.ndarray, *, shapes: Solids, body: int) -> bool:
    """Whether the body's middle, in view, lies in another body at some frame or half-way between
    two."""
    way = np.concatenate([state, 0.5 * (state[1:] + state[:-1])])
    for moment in way:
        x, y = moment[body, :2]
        if min(x, y) < 0.3 or max(x, y) > WORLD_M - 0.3:
            continue
        for other in range(len(moment)):
            there = other != body and shapes.area_m2[other] > 0
            if (
                there
                and distance_to(
                    x, y, moment[other, :3], shapes.radius_m[other], shapes.edges[other]
                )
                < 0.0
            ):
                return True
    return False


def stand_up(videos: Videos, row: int, rng: np.random.Generator) -> Altered | None:
    """In PHYRE a body that sank by half a metre or turned by 40° and came to rest; a falling ball
    of a law from some frame on."""
    state = videos.state[row].astype(np.float64)
    frames = len(state)
    if videos.scenario[row] != "phyre":
        chosen = occasion(videos, row, rng, lasting=LASTING) if fall_m(videos, row) > 1e-3 else None
        return None if chosen is None else _backwards(videos, row, body=chosen[0], start=chosen[1])
    choices = []
    for body in movable(videos, row):
        step = np.linalg.norm(np.diff(state[:, body, :2], axis=0), axis=-1)
        still = np.flatnonzero(step > 0.02)
        rest = int(still[-1]) + 2 if len(still) else frames
        if rest > frames - LASTING:
            continue
        earlier = max(2 * rest - frames + 1, 0)
        rise, turn = (
            state[earlier, body, Y] - state[-1, body, Y],
            abs(state[earlier, body, ANGLE] - state[-1, body, ANGLE]),
        )
        if rise > 0.5 or (turn > np.radians(40) and videos.body[row, body, SHAPE] != Shape.DISC):
            choices.append((body, rest))
    if not choices:
        return None
    body, start = choices[int(rng.integers(len(choices)))]
    return _backwards(videos, row, body=body, start=start)


def _backwards(videos: Videos, row: int, *, body: int, start: int) -> Altered:
    out = as_is(videos, row)
    back = np.maximum(2 * start - np.arange(start, len(out.state)), 0)
    out.state[start:, body] = videos.state[row, back, body]
    return out


def hang(videos: Videos, row: int, rng: np.random.Generator) -> Altered | None:
    """It stops where it moves on by `VISIBLE_M` or more within the frames that count as visible."""
    state = videos.state[row].astype(np.float64)
    seen = in_view(state, videos.body[row])
    phyre = videos.scenario[row] == "phyre"
    choices = []
    for body in movable(videos, row):
        for start in range(3, len(state) - LASTING + 1):
            later = min(start + LASTING, len(state) - 1)
            way = state[start, body, :2] - state[later, body, :2]
            gone = way[1] if phyre else float(np.linalg.norm(way))
            if seen[start - 2 : later + 1, body].all() and gone >= VISIBLE_M:
                choices.append((body, start))
    if not choices:
        return None
    body, start = choices[int(rng.integers(len(choices)))]
    out = as_is(videos, row)
    out.state[start:, body] = out.state[start, body]
    return out


def swap(videos: Videos, row: int, rng: np.random.Generator) -> Altered | None:
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
                or (first[RED : RED + 3] != second[RED : RED + 3]).any()
            )
            for start in range(4, len(out.state) - LASTING + 1):
                apart = np.linalg.norm(out.state[start, one, :2] - out.state[start, other, :2])
                if unlike and apart > 1.0 and seen[start - 2 : start + LASTING, [one, other]].all():
                    choices.append((one, other, start))
    if not choices:
        return None
    one, other, start = choices[int(rng.integers(len(choices)))]
    out.state[start:, [one, other], :2] = out.state[start:, [other, one], :2]
    return out


@at_occasion()
def split(at: Occasion) -> Altered | None:
    """Bars along their length, discs into two of half the area; jars and sticks stay whole."""
    body, start = at.body, at.start
    if at.videos.body[at.row, body, SHAPE] not in (Shape.DISC, Shape.BOX):
        return None
    out = as_is(at.videos, at.row)
    disc = out.body[0, body, SHAPE] == Shape.DISC
    half = 0.5 if not disc else np.sqrt(0.5)
    out.body[start:, body, RADIUS] *= half
    twin = second_of(out, body=body, start=start)
    angle = out.state[start, body, ANGLE] if not disc else np.pi / 2
    apart = out.body[-1, body, RADIUS] + 0.12 * np.arange(1, len(out.state) - start + 1)
    way = apart[:, None] * np.array([np.cos(angle), np.sin(angle)])
    out.state[start:, body, :2] += way
    twin.state[start:, 0, :2] -= way
    return joined(out, twin)


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
