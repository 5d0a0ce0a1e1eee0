"""Scores of abnormality for videos of free discs: how much more than a true video's frames show of
each kind of violation.

One number a rule and video, larger = worse, from the frames and the bodies' constants alone
(radius, colour, mass = radius², and the gravity of the row); the truth of the later frames is not
looked at. Only frames in which the disc is whole measure size, shape and motion.

    permanence    a disc is not there where its own last motion puts it well inside the view, longest run of frames
    count         area of further pieces of its colour, or of its one where it should have left, over its own
    size          |√(area/π)/r - 1|, second largest of the frames
    shape         elongation or spread beyond that of a disc drawn in its place, second largest, less what noise may add to so few pixels
    colour        ink of no body's colour, over the bodies' area; or the strength of a disc's own, off 1
    penetration   r₁ + r₂ - the least distance on the straight way between two frames, in m
    force         |x - what the two whole frames before predict| where nothing was near to touch, or
                  aside from the line of the two discs' middles, in m
    impulse       change of the velocity from four frames to the next four where nothing was near to touch, in m/s
    momentum, energy    the change in a contact, over 2 % (3 %) of the whole and three deviations of the measured velocities
    replay        two discs: distance from where their free flight so far leads, through a contact too, within what is sure of that, in m;
                  discs with behaviours: distance from the course of their kind that fits their
                  places best
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from physscale.evaluate.abnormal.impacts import off_course_m
from physscale.evaluate.abnormal.observe import Observed, observe
from physscale.evaluate.abnormal.trajectory import best_course
from physscale.records.scene import AWAY_M, WORLD_M, Behaviour
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

RULES = (
    "permanence",
    "count",
    "size",
    "shape",
    "colour",
    "penetration",
    "force",
    "impulse",
    "momentum",
    "energy",
    "replay",
)
RADIUS, MASS, ELASTICITY = BODY.index("radius_m"), BODY.index("mass_kg"), BODY.index("elasticity")
BEHAVIOUR = BODY.index("behaviour")
INSIDE_M = 0.4
"""A disc's centre must be predicted this far inside the view before its absence counts."""

PLACE_PX = 0.06
"""Deviation of a parsed place, in pixels."""

SHAPE_PX2 = 0.2
"""What a codec's noise may add to a disc's elongation, times the square of its radius in pixels."""

WINDOW = 4
"""Frames on each side of a change of velocity."""

LEAST_FITTED, SURE = 4, 2.0
"""Frames that a course needs, and deviations of a place that it may be off."""

FADED = 0.25
"""Below this part of its area a disc counts as absent."""


def law_scores(videos: Videos) -> dict[str, Float[np.ndarray, " batch"]]:
    """The scores of every video by `RULES`; a rule that cannot be judged gives 0."""
    assert videos.pixels is not None, "judging needs frames"
    seen = observe(videos.pixels, body=videos.body)
    shape = _shape(seen, videos=videos)
    rows = [_video(seen, shape=shape[row], videos=videos, row=row) for row in range(len(videos))]
    return {rule: np.array([scores[rule] for scores in rows]) for rule in RULES}


def _shape(seen: Observed, *, videos: Videos) -> Float[np.ndarray, "batch frames bodies"]:
    """A disc of two pixels looks square; so each is compared with one that is drawn where it was
    found."""
    assert videos.pixels is not None
    size_px = videos.pixels.shape[2]
    state = videos.state.copy()
    state[..., 0], state[..., 1] = (
        np.nan_to_num(seen.x_m, nan=AWAY_M),
        np.nan_to_num(seen.y_m, nan=AWAY_M),
    )
    right = observe(
        render(replace(videos, state=state), canvas=Canvas(size_px=size_px)), body=videos.body
    )
    beyond = np.maximum(
        np.abs(seen.elongation - right.elongation), np.abs(seen.spread - right.spread)
    )
    radius_px = videos.body[:, None, :, RADIUS].astype(np.float64) * size_px / WORLD_M
    return np.maximum(np.nan_to_num(beyond) - SHAPE_PX2 / radius_px**2, 0.0)


def _video(seen: Observed, *, shape: np.ndarray, videos: Videos, row: int) -> dict[str, float]:
    assert videos.pixels is not None
    radius = videos.body[row, :, RADIUS].astype(np.float64)
    place = np.stack([seen.x_m[row], seen.y_m[row]], -1)
    area = np.pi * radius**2
    there = np.nan_to_num(seen.area_m2[row]) > FADED * area
    whole = there & (np.minimum(place, WORLD_M - place).min(-1) >= radius - 0.01)
    interval = float(videos.time_s[row, 1] - videos.time_s[row, 0])
    fall = -gravity_m_s2(videos, row=row) * interval**2
    near = _near(place, radius=radius, there=there)
    if (videos.body[row, :, BEHAVIOUR] == Behaviour.FREE).all():
        flight = _flight(place, whole=whole, there=there, near=near, fall=fall, radius=radius)
        impulse = _impulse(place, whole=whole, near=near, fall=fall) / interval
        momentum, energy = _contact(place, whole=whole, near=near, videos=videos, row=row)
        astray = _replay(
            place, whole=whole, near=near, there=there, fall=fall, videos=videos, row=row
        )
    else:
        noise = PLACE_PX * WORLD_M / videos.pixels.shape[2]
        flight = _behaviour(
            place,
            whole=whole,
            there=there,
            body=videos.body[row],
            time_s=videos.time_s[row],
            place_m=noise,
        )
        impulse, momentum, energy, astray = 0.0, 0.0, 0.0, flight["astray"]
    size = np.abs(np.sqrt(seen.area_m2[row] / area) - 1.0)
    level = np.abs(seen.level[row] - 1.0)
    extra = np.nan_to_num(seen.extra_m2[row]) / area
    visible = np.maximum(np.nansum(np.where(there, seen.area_m2[row], 0.0), 1), 0.2)
    return {
        "permanence": flight["missing"],
        "count": max(_second(extra.max(1)), flight["uninvited"]),
        "size": _second(np.where(whole, size, 0.0).max(1)),
        "shape": _second(np.where(whole, shape, 0.0).max(1)),
        "colour": max(
            _second(seen.foreign_m2[row] / visible),
            _second(np.nan_to_num(np.where(whole, level, 0.0)).max(1)),
        ),
        "penetration": _penetration(place, radius=radius, whole=whole),
        "force": flight["force"],
        "impulse": impulse,
        "momentum": momentum,
        "energy": energy,
        "replay": astray,
    }


def gravity_m_s2(videos: Videos, *, row: int) -> float:
    """Of the row's true states: discs in free flight all fall alike, so the median over frames and
    bodies is g."""
    change = (
        np.diff(videos.state[row, :, :, 4].astype(np.float64), axis=0)
        / np.diff(videos.time_s[row].astype(np.float64))[:, None]
    )
    return float(-np.median(change))


def _near(
    place: np.ndarray, *, radius: np.ndarray, there: np.ndarray
) -> Bool[np.ndarray, "frames bodies"]:
    """Whether a body may touch another one between the frame before and the frame after."""
    frames, bodies = there.shape
    near = np.zeros((frames, bodies), bool)
    for one in range(bodies):
        for other in range(bodies):
            if one != other:
                apart = place[:, one] - place[:, other]
                gap = np.where(
                    there[:, one] & there[:, other],
                    np.linalg.norm(apart, axis=-1) - radius[one] - radius[other],
                    np.inf,
                )
                near[:, one] |= (
                    gap
                    < 1.1 * _lately(np.nan_to_num(np.linalg.norm(np.diff(apart, axis=0), axis=-1)))
                    + 0.1
                )
    return near


def _lately(step: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " frames"]:
    """Of every frame the longest of the two steps before it and the two after it: a contact takes
    part of the step in which it falls."""
    wide = np.concatenate([np.zeros(2), step, np.zeros(2)])
    return np.max([wide[start : start + len(step) + 1] for start in range(4)], axis=0)


def _flight(
    place: np.ndarray,
    *,
    whole: np.ndarray,
    there: np.ndarray,
    near: np.ndarray,
    fall: float,
    radius: np.ndarray,
) -> dict[str, float]:
    """Each whole frame beside what the two whole ones before it predict; a run of absences inside
    the view; a return from outside."""
    force, missing, uninvited = 0.0, 0.0, 0.0
    speed = np.nan_to_num(np.linalg.norm(np.diff(place, axis=0), axis=-1))
    reach = _lately(speed.sum(1))
    for body in range(place.shape[1]):
        frames = np.flatnonzero(whole[:, body]).tolist()
        run = 0
        for now in range(1, len(place)):
            before = [frame for frame in frames if frame < now][-2:]
            if not before:
                continue
            predicted = _predicted(place[:, body], before=before, now=now, fall=fall)
            inside = float(np.minimum(predicted, WORLD_M - predicted).min())
            touched = near[before[0] : now + 1, body].any()
            kicked = 2 * reach[before[-1]] * (now - before[-1]) if near[before[-1], body] else 0.0
            run = run + 1 if not there[now, body] and inside - kicked > INSIDE_M else 0
            missing = max(missing, float(run))
            if there[now, body] and inside < -radius[body] - INSIDE_M and not touched:
                uninvited = 1.0
            if whole[now, body] and len(before) == 2:
                wrong = place[now, body] - predicted
                if touched:
                    wrong = _sideways(wrong, place=place, body=body, frames=(before[1], now))
                force = max(force, float(np.linalg.norm(wrong)) / (now - before[1]))
    return {"force": force, "missing": missing, "uninvited": uninvited}


def _behaviour(
    place: np.ndarray,
    *,
    whole: np.ndarray,
    there: np.ndarray,
    body: np.ndarray,
    time_s: np.ndarray,
    place_m: float,
) -> dict[str, float]:
    """Discs with behaviours, which never touch: how far each is off the course of its kind that
    fits best; the rest as in flight."""
    astray, missing, uninvited = 0.0, 0.0, 0.0
    time = time_s.astype(np.float64)
    for number, kind in enumerate(body[:, BEHAVIOUR].astype(int)):
        used = whole[:, number]
        if used.sum() < LEAST_FITTED:
            continue
        course = best_course(place[:, number], used=used, behaviour=int(kind), time_s=time)
        off = np.linalg.norm(place[used, number] - course[used], axis=-1) - SURE * place_m
        inside, run = np.minimum(course, WORLD_M - course).min(-1), 0
        for now in range(len(time)):
            run = run + 1 if not there[now, number] and inside[now] > INSIDE_M else 0
            missing = max(missing, float(run))
        if (there[:, number] & (inside < -body[number, RADIUS] - INSIDE_M)).any():
            uninvited = 1.0
        astray = max(astray, float(off.max()))
    return {"force": 0.0, "missing": missing, "uninvited": uninvited, "astray": astray}


def _sideways(
    wrong: np.ndarray, *, place: np.ndarray, body: int, frames: tuple[int, int]
) -> np.ndarray:
    """What of it no contact of two discs gives: they push along the line of their middles, and that
    line may turn between the frames."""
    lines = (
        [place[frame, 1 - body] - place[frame, body] for frame in frames]
        if place.shape[1] == 2
        else []
    )
    if not lines or not (np.linalg.norm(lines, axis=-1) > 0.0).all():
        return np.zeros(2)
    first, last = (line / np.linalg.norm(line) for line in lines)
    along = first + last
    along /= max(float(np.linalg.norm(along)), 1e-9)
    part = wrong - (wrong @ along) * along
    turned = abs(float(first[0] * last[1] - first[1] * last[0]))
    size = float(np.linalg.norm(part))
    left: np.ndarray = (
        part * max(size - turned * float(np.linalg.norm(wrong)), 0.0) / max(size, 1e-9)
    )
    return left


def _impulse(place: np.ndarray, *, whole: np.ndarray, near: np.ndarray, fall: float) -> float:
    """The largest change of slope, in m a frame, gravity taken out: a speed that is wrong by little
    is wrong for long."""
    frame = np.arange(len(place))
    straight = place - np.stack([np.zeros(len(place)), 0.5 * fall * frame**2], -1)[:, None]
    weights = np.arange(WINDOW) - (WINDOW - 1) / 2
    weights /= (weights**2).sum()
    last, free = len(place) - WINDOW + 1, whole & ~near
    slope = sum(
        weight * straight[start : last + start] for start, weight in enumerate(weights.tolist())
    )
    usable = np.all([free[start : last + start] for start in range(WINDOW)], axis=0)
    change = np.linalg.norm(slope[WINDOW:] - slope[:-WINDOW], axis=-1)
    return float(np.where(usable[WINDOW:] & usable[:-WINDOW], change, 0.0).max(initial=0.0))


def _predicted(place: np.ndarray, *, before: list[int], now: int, fall: float) -> np.ndarray:
    """The parabola of this fall (m a frame²) through two frames, or a standstill after one."""
    last = place[before[-1]]
    if len(before) == 1:
        return last
    first, second = before
    slope = (last - place[first]) / (second - first)
    return (
        last + slope * (now - second) + np.array([0.0, 0.5 * fall]) * (now - second) * (now - first)
    )


def _penetration(place: np.ndarray, *, radius: np.ndarray, whole: np.ndarray) -> float:
    """Also on the straight way between two frames, which a rebound's bent way never undercuts."""
    deepest = 0.0
    for one in range(place.shape[1]):
        for other in range(one):
            both = whole[:, one] & whole[:, other]
            apart = (place[:, one] - place[:, other])[both]
            if len(apart) < 2:
                continue
            start, way = apart[:-1], np.diff(apart, axis=0)
            share = np.clip(-(start * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-12), 0.0, 1.0)
            steps = np.diff(np.flatnonzero(both)) == 1
            least = np.linalg.norm(start + share[:, None] * way, axis=-1)
            depth = (
                radius[one]
                + radius[other]
                - np.concatenate([least[steps], np.linalg.norm(apart, axis=-1)])
            )
            deepest = max(deepest, float(depth.max()))
    return deepest


def _contact(
    place: np.ndarray, *, whole: np.ndarray, near: np.ndarray, videos: Videos, row: int
) -> tuple[float, float]:
    """Momentum and energy before and after the one contact of two discs, gravity-free; (0, 0) where
    it cannot be measured."""
    if place.shape[1] != 2 or not near.any() or videos.pixels is None:
        return 0.0, 0.0
    bend = np.nan_to_num(np.linalg.norm(place[2:] - 2 * place[1:-1] + place[:-2], axis=-1)).sum(-1)
    moment = 1 + int(np.where(near[1:-1].any(1), bend, -1.0).argmax())
    time = videos.time_s[row].astype(np.float64)
    noise = PLACE_PX * WORLD_M / videos.pixels.shape[2]
    mass = videos.body[row, :, MASS].astype(np.float64)
    speed, deviation = np.empty((2, 2, 2)), np.empty((2, 2))
    for side, frames in enumerate((np.arange(len(time)) < moment, np.arange(len(time)) > moment)):
        for body in range(2):
            used = np.flatnonzero(frames & whole[:, body])
            used = used[-5:] if side == 0 else used[:5]
            if len(used) < 2:
                return 0.0, 0.0
            centred = time[used] - time[used].mean()
            speed[side, body] = centred @ place[used, body] / (centred @ centred)
            deviation[side, body] = noise / np.sqrt(centred @ centred)
    total = (mass * np.linalg.norm(speed[0], axis=-1)).sum()
    change = float(np.linalg.norm((mass[:, None] * (speed[1] - speed[0])).sum(0)))
    doubt = float(np.sqrt((mass**2 * (deviation**2).sum(0)).sum()))
    kinetic = 0.5 * mass * (speed**2).sum(-1)
    unsure = float(np.sqrt((mass**2 * (speed**2).sum(-1) * deviation**2).sum()))
    momentum = change / (0.02 * total + 3 * doubt)
    return momentum, float(abs(kinetic[1].sum() - kinetic[0].sum())) / (
        0.03 * kinetic[0].sum() + 3 * unsure
    )


def _replay(
    place: np.ndarray,
    *,
    whole: np.ndarray,
    near: np.ndarray,
    there: np.ndarray,
    fall: float,
    videos: Videos,
    row: int,
) -> float:
    if place.shape[1] != 2:
        return 0.0
    assert videos.pixels is not None
    body = videos.body[row].astype(np.float64)
    return off_course_m(
        place,
        near=near,
        whole=whole,
        there=there,
        radius_m=body[:, RADIUS],
        mass_kg=body[:, MASS],
        elasticity=float(body[:, ELASTICITY].prod()),
        fall_m=fall,
        place_m=PLACE_PX * WORLD_M / videos.pixels.shape[2],
    )


def _second(values: np.ndarray) -> float:
    """The second largest: a single frame's glitch is excused."""
    return float(np.sort(values)[-2])
