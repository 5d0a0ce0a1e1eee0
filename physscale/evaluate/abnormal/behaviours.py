"""The best-fitting path of a disc with a behaviour of its own (`simulate.behaviour`).

Along its first direction a disc moves by s(t) = v f(t) + c(t). The closed form is linear in the
speed v, so its values at two speeds give f and c. Then x = x₀ ± (v f + c) is least squares in x₀
and v, once per sign; the better fit counts. y is constant."""

import numpy as np
from jaxtyping import Bool, Float

from physscale.evaluate.abnormal.free_flight import INSIDE_M, FlightScores, Tracks
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY
from physscale.simulate.behaviour import along

BEHAVIOUR = BODY.index("behaviour")
LEAST_FITTED, SURE = 4, 2.0
"""The fewest frames that a path is fitted to, and the tolerated distance in standard deviations of
a position."""


def best_path(
    place: Float[np.ndarray, "frames 2"],
    *,
    used: Bool[np.ndarray, " frames"],
    behaviour: int,
    time_s: Float[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames 2"]:
    """Positions at all times, fitted to the `used` ones. Times count from the start of the
    scene."""
    kind = np.full(len(time_s), behaviour)
    still, one = (
        along(kind, speed_m_s=np.full(len(time_s), speed), time_s=time_s).distance_m
        for speed in (0.0, 1.0)
    )
    best, least = place, np.inf
    for sign in (1.0, -1.0):
        design = np.stack([np.ones(len(time_s)), sign * (one - still)], -1)
        speed = max(
            float(
                np.linalg.lstsq(design[used], place[used, 0] - sign * still[used], rcond=None)[0][1]
            ),
            0.0,
        )
        way = sign * (speed * (one - still) + still)
        x = way + (place[:, 0] - way)[used].mean()
        wrong = float(((x - place[:, 0])[used] ** 2).sum())
        if wrong < least:
            best, least = np.stack([x, np.full(len(x), place[used, 1].mean())], -1), wrong
    return best


def behaviour_scores(
    tracks: Tracks, *, body: np.ndarray, time_s: np.ndarray, place_m: float
) -> FlightScores:
    """Scores of discs with behaviours, which never touch. `astray` is the largest distance from the
    best path of a disc's behaviour; the rest is as in free flight."""
    place, whole, there = tracks.place, tracks.whole, tracks.there
    astray, missing, uninvited = 0.0, 0.0, 0.0
    time = time_s.astype(np.float64)
    for number, kind in enumerate(body[:, BEHAVIOUR].astype(int)):
        used = whole[:, number]
        if used.sum() < LEAST_FITTED:
            continue
        path = best_path(place[:, number], used=used, behaviour=int(kind), time_s=time)
        off = np.linalg.norm(place[used, number] - path[used], axis=-1) - SURE * place_m
        inside, run = np.minimum(path, WORLD_M - path).min(-1), 0
        for now in range(len(time)):
            run = run + 1 if not there[now, number] and inside[now] > INSIDE_M else 0
            missing = max(missing, float(run))
        if (there[:, number] & (inside < -tracks.radius[number] - INSIDE_M)).any():
            uninvited = 1.0
        astray = max(astray, float(off.max()))
    return FlightScores(missing=missing, uninvited=uninvited, astray=astray)
