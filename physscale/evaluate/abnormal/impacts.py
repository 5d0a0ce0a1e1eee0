"""Two discs through a contact: where their free flight and the law of impact take them, and how
certain that is.

Each run of frames in which both discs are wholly in view and cannot have touched gives their states
by least squares, with the uncertainty of measured positions. Samples of these states continue for
`AHEAD` frames, straight or on a parabola. At |Δp| = r₁ + r₂ the relative velocity along the line of
centres is reversed and multiplied by e, and momentum is conserved. A disc is off by its distance
from the mean of the samples, minus three standard deviations of the samples. A disc that is absent
although all samples have it in view is off by its distance from the nearest side."""

import numpy as np
from jaxtyping import Bool, Float

from physscale.evaluate.abnormal.free_flight import Tracks
from physscale.records.scene import WORLD_M

AHEAD = 8
LEAST, MOST = 2, 6
"""Frames from which a state is taken."""

DRAWS, SPREADS = 16, 3.0
NOISE = np.random.Generator(np.random.Philox(key=0)).normal(size=(DRAWS // 2, 2, 2, 2))


def off_path_m(
    tracks: Tracks, *, mass_kg: Float[np.ndarray, " 2"], elasticity: float, place_m: float
) -> float:
    """The largest such distance in a video.

    Args:
        place_m: standard deviation of a measured position.
    """
    place, whole, near, fall_m = tracks.place, tracks.whole, tracks.near, tracks.fall_m
    worst = 0.0
    flies = np.asarray(whole.all(1))
    flies_on = flies[1:] & flies[:-1] & ~(near[1:] & near[:-1]).any(1)
    for now in range(LEAST - 1, len(place) - 1):
        used = _run(flies_on, now=now)
        if used < LEAST:
            continue
        starts = _starts(place[now + 1 - used : now + 1], fall_m=fall_m, place_m=place_m)
        ahead = np.arange(1, min(AHEAD, len(place) - 1 - now) + 1)
        path = _paths(
            starts,
            ahead=ahead,
            radius_m=tracks.radius,
            mass_kg=mass_kg,
            elasticity=elasticity,
            fall_m=fall_m,
        )
        middle, spread = path.mean(0), np.sqrt(path.var(0, ddof=1).sum(-1))
        inside = np.minimum(path, WORLD_M - path).min((0, -1))
        shown = slice(now + 1, now + 1 + len(ahead))
        off = np.linalg.norm(place[shown] - middle, axis=-1) - SPREADS * spread
        off = np.where(whole[shown] & (inside > -tracks.radius), np.nan_to_num(off), 0.0)
        gone = np.where(tracks.there[shown], 0.0, np.maximum(inside, 0.0))
        worst = max(worst, float(np.maximum(off, gone).max()))
    return worst


def _run(flies_on: Bool[np.ndarray, " steps"], *, now: int) -> int:
    """How many frames up to this one, at most `MOST`, can have no contact between them."""
    count = 1
    while count < MOST and now - count >= 0 and flies_on[now - count]:
        count += 1
    return count


def _starts(
    place: Float[np.ndarray, "used 2 2"], *, fall_m: float, place_m: float
) -> Float[np.ndarray, "draws 2 2 2"]:
    """(draw, body, position or step per frame, axis) in the last of these frames; gravity is
    known."""
    back = np.arange(1 - len(place), 1).astype(np.float64)
    straight = place - np.stack([np.zeros(len(back)), 0.5 * fall_m * back**2], -1)[:, None]
    design = np.stack([np.ones(len(back)), back], -1)
    solved = np.tensordot(np.linalg.pinv(design), straight, 1).transpose(1, 0, 2)
    root = np.linalg.cholesky(np.linalg.inv(design.T @ design)) * place_m
    noise = np.einsum("ij,mbjd->mbid", root, NOISE)
    return solved + np.concatenate([noise, -noise])


def _paths(
    start: Float[np.ndarray, "draws 2 2 2"],
    *,
    ahead: np.ndarray,
    radius_m: np.ndarray,
    mass_kg: np.ndarray,
    elasticity: float,
    fall_m: float,
) -> Float[np.ndarray, "draws ahead 2 2"]:
    place, way = start[:, :, 0], start[:, :, 1]
    apart, closing = place[:, 1] - place[:, 0], way[:, 1] - way[:, 0]
    square, half = (closing**2).sum(-1), (apart * closing).sum(-1)
    left = half**2 - square * ((apart**2).sum(-1) - radius_m.sum() ** 2)
    meets = (half < 0) & (left > 0)
    hit = np.where(
        meets,
        np.maximum(-half - np.sqrt(np.where(meets, left, 0.0)), 0.0) / np.where(meets, square, 1.0),
        np.inf,
    )
    line = apart + np.where(meets, hit, 0.0)[:, None] * closing
    line /= np.maximum(np.linalg.norm(line, axis=-1), 1e-9)[:, None]
    push = np.where(meets, -(1.0 + elasticity) * (closing * line).sum(-1), 0.0)[:, None] * line
    change = np.stack([-push * mass_kg[1], push * mass_kg[0]], 1) / mass_kg.sum()
    since = np.where(
        meets[:, None], np.maximum(ahead - np.where(meets, hit, 0.0)[:, None], 0.0), 0.0
    )
    flown = place[:, None] + way[:, None] * ahead[:, None, None]
    flown[..., 1] += 0.5 * fall_m * ahead[:, None] ** 2
    moved: np.ndarray = flown + since[:, :, None, None] * change[:, None]
    return moved
