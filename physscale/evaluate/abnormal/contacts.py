"""The contacts of discs: how deep they overlap, and whether a hit keeps momentum and energy."""

import numpy as np

from physscale.evaluate.abnormal.free_flight import Tracks
from physscale.evaluate.abnormal.impacts import off_path_m
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, Videos

MASS, ELASTICITY = BODY.index("mass_kg"), BODY.index("elasticity")
PLACE_PX = 0.06
"""Standard deviation of a measured position, in pixels."""


def penetration_m(tracks: Tracks) -> float:
    """The deepest overlap in m, in the frames and on the straight path between two frames. In a
    rebound the true path is bent, and the straight one stays farther away."""
    place, whole, radius = tracks.place, tracks.whole, tracks.radius
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


def momentum_and_energy(tracks: Tracks, *, videos: Videos, row: int) -> tuple[float, float]:
    """Changes of momentum and energy in the only contact of two discs, without gravity, relative to
    what is tolerated. (0, 0) if they cannot be measured."""
    place, whole, near = tracks.place, tracks.whole, tracks.near
    if place.shape[1] != 2 or not near.any() or videos.pixels is None:
        return 0.0, 0.0
    bend = np.nan_to_num(np.linalg.norm(place[2:] - 2 * place[1:-1] + place[:-2], axis=-1)).sum(-1)
    moment = 1 + int(np.where(near[1:-1].any(1), bend, -1.0).argmax())
    time = videos.time_s[row].astype(np.float64)
    noise = PLACE_PX * WORLD_M / videos.frames.shape[2]
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


def off_flight_m(tracks: Tracks, *, videos: Videos, row: int) -> float:
    """Distance in m of two discs from where free flight and one hit would take them; 0 for other
    numbers of discs."""
    if tracks.place.shape[1] != 2:
        return 0.0
    body = videos.body[row].astype(np.float64)
    return off_path_m(
        tracks,
        mass_kg=body[:, MASS],
        elasticity=float(body[:, ELASTICITY].prod()),
        place_m=PLACE_PX * WORLD_M / videos.frames.shape[2],
    )
