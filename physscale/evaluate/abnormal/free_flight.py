"""Free flight of discs: what the frames before predict, where a body may touch another, and how the
velocity changes while nothing is near."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from physscale.records.scene import WORLD_M
from physscale.records.video import STATE, Videos

VY = STATE.index("vy_m_s")
INSIDE_M = 0.4
"""A disc's centre must be predicted this far inside the view before its absence counts."""

WINDOW = 4
"""Frames on each side of a change of velocity."""


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """The discs of one video, T frames of N bodies.

    Attributes:
        place: centres in m.
        there: frames in which the disc is seen at all.
        whole: frames in which it is seen wholly inside the view.
        near: frames in which it may touch another one.
        fall_m: change of the step from frame to frame by gravity, in m.
    """

    place: Float[np.ndarray, "frames bodies 2"]
    radius: Float[np.ndarray, " bodies"]
    there: Bool[np.ndarray, "frames bodies"]
    whole: Bool[np.ndarray, "frames bodies"]
    near: Bool[np.ndarray, "frames bodies"]
    fall_m: float


@dataclass(frozen=True, kw_only=True)
class FlightScores:
    """How far the discs leave their predicted flight.

    Attributes:
        force: distance from the predicted place per frame, in m.
        missing: longest run of frames in which a disc is absent where it is predicted.
        uninvited: 1 where a disc that had left is back.
        astray: distance from the path of its behaviour, in m.
    """

    force: float = 0.0
    missing: float = 0.0
    uninvited: float = 0.0
    astray: float = 0.0


def gravity_m_s2(videos: Videos, *, row: int) -> float:
    """g from the row's true states: discs in free flight all fall alike, so it is the median over
    frames and bodies."""
    change = (
        np.diff(videos.state[row, :, :, VY].astype(np.float64), axis=0)
        / np.diff(videos.time_s[row].astype(np.float64))[:, None]
    )
    return float(-np.median(change))


def near_another(
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
    """For each frame the longest of the two steps before it and the two after it. A contact uses up
    part of the step in which it falls."""
    wide = np.concatenate([np.zeros(2), step, np.zeros(2)])
    return np.max([wide[start : start + len(step) + 1] for start in range(4)], axis=0)


def flight_scores(tracks: Tracks) -> FlightScores:
    """Compare each whole frame with the prediction from the two whole frames before it; find runs
    of absences inside the view, and returns from outside."""
    place, whole, there, near = tracks.place, tracks.whole, tracks.there, tracks.near
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
            predicted = _predicted(place[:, body], before=before, now=now, fall=tracks.fall_m)
            inside = float(np.minimum(predicted, WORLD_M - predicted).min())
            touched = near[before[0] : now + 1, body].any()
            kicked = 2 * reach[before[-1]] * (now - before[-1]) if near[before[-1], body] else 0.0
            run = run + 1 if not there[now, body] and inside - kicked > INSIDE_M else 0
            missing = max(missing, float(run))
            if there[now, body] and inside < -tracks.radius[body] - INSIDE_M and not touched:
                uninvited = 1.0
            if whole[now, body] and len(before) == 2:
                wrong = place[now, body] - predicted
                if touched:
                    wrong = _sideways(wrong, place=place, body=body, frames=(before[1], now))
                force = max(force, float(np.linalg.norm(wrong)) / (now - before[1]))
    return FlightScores(force=force, missing=missing, uninvited=uninvited)


def _sideways(
    wrong: np.ndarray, *, place: np.ndarray, body: int, frames: tuple[int, int]
) -> np.ndarray:
    """The part of a deviation that no contact of two discs can cause. Discs push along the line of
    their centres, which may turn between the frames."""
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


def impulse(tracks: Tracks) -> float:
    """The largest change of slope, in m per frame, without gravity. It finds a speed that is
    slightly wrong for a long time."""
    place, whole, near, fall = tracks.place, tracks.whole, tracks.near, tracks.fall_m
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
    """The place predicted by a parabola with this fall (m per frame²) through two frames, or by
    rest after one frame."""
    last = place[before[-1]]
    if len(before) == 1:
        return last
    first, second = before
    slope = (last - place[first]) / (second - first)
    return (
        last + slope * (now - second) + np.array([0.0, 0.5 * fall]) * (now - second) * (now - first)
    )
