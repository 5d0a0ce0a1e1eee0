"""Finds the known bodies of a PHYRE scene in its frames: a pose a body and frame, and what of the frame they leave unexplained.

Ink is unmixed into red and grey; black bodies never move, so what is within a pixel of them is not asked. From the first frame's poses (the
model is given that frame) each body is looked for where the simulator has it, then where rest, straight motion and free fall predict it;
a pose is good when its inside is inked and the ring around it is not. Where none is good, a grid around the last pose is searched. Bodies
that are found own their pixels before the others look.
"""

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, UInt8

from physscale.evaluate.abnormal import measure as measured
from physscale.evaluate.abnormal.fit import RING, best_around, best_of, mark, score
from physscale.evaluate.abnormal.measure import Bodies, Frame, form_of, measure, view_of
from physscale.evaluate.abnormal.solids import Solids
from physscale.records.scene import WORLD_M

GOOD = 0.93
"""Score of a pose that needs no further search."""

HALF, GIVE_UP = 0.6, 3
"""After so many grids without a pose of this score, a body is only looked for where it was going."""

HOP = 0.1
"""A pose from the grid must be better by this: among bodies of one colour that touch, others' ink fits too."""

INKED, CROWDED = 0.97, 0.5
"""Or else a body of which this part is inked, and at most this part of the ring, as among bodies that touch."""

INKS = ((12.0, 176.0, 185.0), (70.0, 53.0, 45.0))
"""What red and grey take from white."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """T frames of N bodies; bodies that do not move or are not there have NaN.

    Attributes:
        pose: x, y in m, angle.
        missing: part of the body's inside that is not inked.
        level: mean ink of its inside, 1 for its own colour.
        border_m: mean way by which its border stands outside the body's; NaN where too little of it is free.
        depth_m: how deep it stands in another body.
        gap_m: least distance from another body, the floor or a wall.
        unexplained_m2: ink that lies more than a pixel outside all bodies.
        foreign_m2: ink neither red, grey nor black.
        static_missing, static_extra_m2: black that is not there, as a part of all black; black that should not be there.
    """

    pose: Float[np.ndarray, "frames bodies 3"]
    missing: Float[np.ndarray, "frames bodies"]
    level: Float[np.ndarray, "frames bodies"]
    border_m: Float[np.ndarray, "frames bodies"]
    depth_m: Float[np.ndarray, "frames bodies"]
    gap_m: Float[np.ndarray, "frames bodies"]
    unexplained_m2: Float[np.ndarray, " frames"]
    foreign_m2: Float[np.ndarray, " frames"]
    static_missing: Float[np.ndarray, " frames"]
    static_extra_m2: Float[np.ndarray, " frames"]


def track(
    pixels: UInt8[np.ndarray, "frames size size 3"],
    *,
    shapes: Solids,
    hint: Float[np.ndarray, "frames bodies 3"],
    moving: Bool[np.ndarray, " bodies"],
    red: Bool[np.ndarray, " bodies"],
    fall_m: float,
) -> Track:
    """One video; `hint` are the simulator's poses, of which only the first frame's are taken for true, `fall_m` is g · interval²."""
    frames, px = len(pixels), WORLD_M / pixels.shape[1]
    present = shapes.area_m2 > 0
    still, order = np.flatnonzero(present & ~moving), np.flatnonzero(present & moving)
    order = order[np.argsort(-shapes.area_m2[order], kind="stable")]
    bodies = Bodies(
        shapes.radius_m,
        shapes.edges,
        shapes.reach_m,
        shapes.thin_m,
        shapes.points,
        shapes.point_count,
        shapes.ring,
        shapes.ring_count,
        order,
        still,
        red,
    )
    poses = np.full((frames, len(moving), 3), np.nan)
    poses[:, still], poses[0, order] = hint[0, still], hint[0, order]
    each, total = np.full((frames, len(moving), 5), np.nan), np.zeros((frames, 4))
    _track(*_unmix(pixels), np.ascontiguousarray(hint), poses, bodies, fall_m, px, each, total)
    return Track(
        pose=poses,
        missing=each[..., measured.MISSING],
        level=each[..., measured.LEVEL],
        border_m=each[..., measured.BORDER],
        depth_m=each[..., measured.DEPTH],
        gap_m=each[..., measured.GAP],
        unexplained_m2=total[:, measured.UNEXPLAINED] * px**2,
        foreign_m2=total[:, measured.FOREIGN] * px**2,
        static_missing=total[:, measured.BLACK_MISSING],
        static_extra_m2=total[:, measured.BLACK_EXTRA] * px**2,
    )


def _unmix(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Red and grey coverage[T, 2, H, W], the unexplained ink, and the darkness (1 for black)."""
    found = 255.0 - pixels.astype(np.float64)
    ink = found @ np.linalg.pinv(np.array(INKS))
    rest = np.linalg.norm(found - ink @ np.array(INKS), axis=-1) / 255.0
    return np.ascontiguousarray(ink.transpose(0, 3, 1, 2)), rest, found.min(-1) / 255.0


@numba.njit(cache=True, nogil=True)
@no_type_check
def _track(
    ink: np.ndarray,
    foreign: np.ndarray,
    dark: np.ndarray,
    hint: np.ndarray,
    poses: np.ndarray,
    bodies: Bodies,
    fall: float,
    px: float,
    each: np.ndarray,
    total: np.ndarray,
) -> None:
    size = ink.shape[2]
    blind, black, owned = np.zeros((size, size), np.bool_), np.zeros((size, size), np.bool_), np.zeros((size, size), np.bool_)
    for body in bodies.still:
        mark(blind, poses[0, body], form_of(bodies, body), px, 1.3 * px)
        mark(black, poses[0, body], form_of(bodies, body), px, -0.8 * px)
    lost = np.zeros(len(bodies.radius), np.int64)
    for moment in range(len(ink)):
        frame = Frame(ink[moment], foreign[moment], dark[moment], blind, black, px)
        if moment > 0:
            owned[:] = False
            _find(frame, bodies, hint, poses, moment, fall, owned, lost)
        measure(frame, bodies, poses[moment], each[moment], total[moment])


@numba.njit(cache=True, nogil=True)
@no_type_check
def _find(
    frame: Frame, bodies: Bodies, hint: np.ndarray, poses: np.ndarray, moment: int, fall: float, owned: np.ndarray, lost: np.ndarray
) -> None:
    """All poses of one frame: first the bodies that are where the simulator has them, then those where they were going, then the rest."""
    done = np.zeros(len(bodies.radius), np.bool_)
    candidates, found, other = np.empty((6, 3)), np.empty(3), np.empty(3)
    for search in range(3):
        for body in bodies.order:
            if done[body]:
                continue
            view, form = view_of(frame, 0 if bodies.red[body] else 1, owned), form_of(bodies, body)
            count = 1
            candidates[0] = hint[moment, body]
            if search > 0:
                count = _predict(poses, moment, body, fall, candidates[1:]) + 1
            reached = best_of(view, form, candidates[:count], found)
            if search == 2 and reached < GOOD and lost[body] < GIVE_UP:
                around = best_around(view, form, poses[moment - 1, body], other)
                if around > reached + HOP:
                    found[:] = other
                lost[body] += 1 if max(around, reached) < HALF else 0
            inside = score(view, form, found[0], found[1], found[2], 0.0)
            fits = reached >= GOOD or (inside >= INKED and inside - reached <= CROWDED * RING)
            if fits or search == 2:
                poses[moment, body] = found
                done[body] = True
                mark(owned, found, form, frame.px, 0.0)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _predict(poses: np.ndarray, moment: int, body: int, fall: float, out: np.ndarray) -> int:
    """Rest, straight motion, and free fall, with and without the last turn."""
    last = poses[moment - 1, body]
    out[0] = last
    if moment == 1:
        out[1] = last
        out[1, 1] -= 0.5 * fall
        return 2
    step = last - poses[moment - 2, body]
    out[1] = last + step
    out[2] = out[1]
    out[2, 1] -= fall
    out[3] = out[2]
    out[3, 2] = last[2]
    out[4] = last
    out[4, 1] -= fall
    return 5
