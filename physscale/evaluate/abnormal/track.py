"""Finds the known bodies of a PHYRE scene in its frames: one pose per body and frame, and the part
of the frame that they leave unexplained.

Ink is unmixed into red and grey. Black bodies never move, so pixels near them are ignored. The
first frame's poses are known, because the model is given that frame. In each later frame all bodies
are tried where the simulator has them, then where the engine takes them from the frame before. If
their borders, moved by least squares, explain all ink, the search ends. Otherwise each body is
searched for alone: where it is expected, then where rest, straight motion and free fall predict it.
A pose is good when its inside is inked and the ring around it is not. If no pose is good, a grid
around the last pose is searched. A body that is found owns its pixels before the others are
searched for."""

import itertools
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, UInt8

from physscale.evaluate.abnormal import measure as measured
from physscale.evaluate.abnormal.bodies import Bodies, Frame, form_of, view_of
from physscale.evaluate.abnormal.fit import RING, best_around, best_of, mark, score
from physscale.evaluate.abnormal.ink import unmixed
from physscale.evaluate.abnormal.measure import measure
from physscale.evaluate.abnormal.polish import polish
from physscale.evaluate.abnormal.replay import Onward, Scene
from physscale.records.scene import WORLD_M
from physscale.render.compiled import compiled

BORDER_PX = 0.5
"""A border farther off than this means another size. Noise alone moves it by a third of a pixel."""

GUESSES, FEW = 6, 2
"""Continuations that the engine is asked for if the simulator's own poses do not explain the frame;
fewer once a frame remains unexplained."""

LEFT_M2 = 0.02
"""Less ink than this outside all bodies counts as none."""

GOOD = 0.93
"""Score of a pose that needs no further search."""

HALF, GIVE_UP = 0.6, 3
"""After `GIVE_UP` grids without a pose of score `HALF`, a body is searched for only where it was
heading."""

HOP = 0.1
"""A pose from the grid must be better by this, because the ink of a touching body of the same
colour fits too."""

LEASH_PX = 3.0
"""How far from its expected position a body is searched for, except on the grid: bars that lie on
each other look alike."""

INKED, CROWDED = 0.97, 0.5
"""A pose is also good if this share of the inside is inked and at most this share of the ring, as
among bodies that touch."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """T frames of N bodies; NaN for bodies that cannot move or do not exist.

    Attributes:
        pose: x, y in m, angle.
        missing: part of the body's inside that is not inked.
        level: mean ink of its inside, 1 for its own colour.
        border_m: mean distance by which the border of its ink lies outside the body's own; NaN if
            too little of it is free.
        depth_m: how deep it reaches into another body.
        gap_m: least distance from another body, the floor or a wall.
        unexplained_m2: ink that lies more than a pixel outside all bodies.
        foreign_m2: ink neither red, grey nor black.
        static_missing, static_extra_m2: missing black, as a share of all black; area of black that
            should not be there.
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
    scene: Scene,
    hint: Float[np.ndarray, "frames bodies 3"],
    red: Bool[np.ndarray, " bodies"],
    seed: int = 0,
) -> Track:
    """Track one video. `hint` holds the simulator's poses, of which only the first frame's are
    taken as true."""
    frames, px, shapes = len(pixels), WORLD_M / pixels.shape[1], scene.shapes
    present = shapes.area_m2 > 0
    moving = np.isin(np.arange(len(present)), scene.moving)
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
    poses = np.where(moving[:, None] | ~present[:, None], np.nan, hint[0]) * np.ones((frames, 1, 1))
    poses[0, order] = hint[0, order]
    each, total = np.full((frames, len(moving), 5), np.nan), np.zeros((frames, 4))
    _track(unmixed(pixels), hint, poses, bodies, scene, seed, each, total)
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


def _track(
    inks: tuple[np.ndarray, np.ndarray, np.ndarray],
    hint: np.ndarray,
    poses: np.ndarray,
    bodies: Bodies,
    scene: Scene,
    seed: int,
    each: np.ndarray,
    total: np.ndarray,
) -> None:
    """Frame by frame: all bodies where the simulator has them, or where the engine takes them from
    the frame before, or one by one."""
    blind, black = _static(bodies, poses[0], inks[0].shape[2], scene.px_m)
    fall = scene.gravity_m_s2 * float(scene.time_s[1] - scene.time_s[0]) ** 2
    lost = np.zeros(len(bodies.radius), np.int64)
    onward = Onward(scene, seed=seed)
    guesses = GUESSES
    for moment, (ink, foreign, dark) in enumerate(zip(*inks, strict=True)):
        frame = Frame(ink, foreign, dark, blind, black, scene.px_m)
        if moment == 0:
            measure(frame, bodies, poses[0], each[0], total[0])
            continue
        least, expected = np.inf, hint[moment]
        for guess in itertools.chain(
            [hint[moment]], onward.guesses(poses, now=moment, count=guesses)
        ):
            poses[moment, bodies.order] = guess[bodies.order]
            left = _left(frame, bodies, poses[moment], each[moment], total[moment])
            if left < least:
                least, expected = left, guess
            if least == 0.0:
                break
        guesses = GUESSES if least == 0.0 else FEW
        if least > 0.0:
            _find(frame, bodies, np.ascontiguousarray(expected), poses, moment, fall, lost)
            if _left(frame, bodies, poses[moment], each[moment], total[moment]) >= least:
                poses[moment, bodies.order] = expected[bodies.order]
                _left(frame, bodies, poses[moment], each[moment], total[moment])
        onward.settle(poses, now=moment)


@compiled
@no_type_check
def _static(bodies: Bodies, poses: np.ndarray, size: int, px: float) -> tuple:
    """Pixels near black bodies, and those well inside them."""
    blind, black = np.zeros((size, size), np.bool_), np.zeros((size, size), np.bool_)
    for body in bodies.still:
        mark(blind, poses[body], form_of(bodies, body), px, 1.3 * px)
        mark(black, poses[body], form_of(bodies, body), px, -0.8 * px)
    return blind, black


@compiled
@no_type_check
def _left(
    frame: Frame, bodies: Bodies, poses: np.ndarray, each: np.ndarray, total: np.ndarray
) -> float:
    """What these poses leave unexplained once they are polished; 0 if no ink is missing or left
    over."""
    polish(frame, bodies, poses)
    measure(frame, bodies, poses, each, total)
    over, left = total[measured.UNEXPLAINED] * frame.px**2, 0.0
    explained = over < LEFT_M2
    for body in bodies.order:
        left += each[body, measured.MISSING]
        if (
            each[body, measured.MISSING] > 0.05
            or abs(each[body, measured.BORDER]) > BORDER_PX * frame.px
        ):
            explained = False
    return 0.0 if explained else left + over + 1e-6


@compiled
@no_type_check
def _find(
    frame: Frame,
    bodies: Bodies,
    expected: np.ndarray,
    poses: np.ndarray,
    moment: int,
    fall: float,
    lost: np.ndarray,
) -> None:
    """All poses of one frame: first of the bodies that are where they are expected, then of those
    where they were heading, then of the rest."""
    owned = np.zeros(frame.ink.shape[1:], np.bool_)
    done = np.zeros(len(bodies.radius), np.bool_)
    candidates, found, other = np.empty((6, 3)), np.empty(3), np.empty(3)
    for search in range(3):
        for body in bodies.order:
            if done[body]:
                continue
            view, form = view_of(frame, 0 if bodies.red[body] else 1, owned), form_of(bodies, body)
            count = 1
            candidates[0] = expected[body]
            if search > 0:
                count = _predict(poses, moment, body, fall, candidates[1:]) + 1
            reached = best_of(view, form, candidates[:count], found, LEASH_PX * frame.px)
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


@compiled
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
