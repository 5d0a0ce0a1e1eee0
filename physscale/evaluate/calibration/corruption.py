"""A true video with something wrong in it: states and constants that may change from frame to
frame, and their frames.

A corruption takes one row and returns what is to be drawn in its place; the row itself, with its
true states, stays as it is. It must be *visible*: the body is wholly in view for
`LASTING` frames from where it starts; a wrong motion takes it `VISIBLE_M` off its way within them,
and in PHYRE, where a contact can explain nearly any motion, that is so where it touches nothing, or
goes up by as much."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from physscale.evaluate.abnormal.phyre import PhyreRules
from physscale.evaluate.abnormal.solids import clearances, solids
from physscale.records.scene import AWAY_M, WORLD_M
from physscale.records.video import BODY, STATE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.spec import physics_of

LASTING = 5
"""Frames for which a corruption must be in view to be visible."""

SLOW = 8
"""The same for what comes little by little."""

VISIBLE_M = 0.8
"""A wrong motion is visible where it ends up this far from the right one."""

CLEAR_M = 0.2
"""A body this far from everything touches nothing."""

X, Y, ANGLE = (STATE.index(name) for name in ("x_m", "y_m", "angle_rad"))
SHAPE, RADIUS, HALF_HEIGHT, MASS, RED = (
    BODY.index(name) for name in ("shape", "radius_m", "half_height_m", "mass_kg", "red")
)


@dataclass(frozen=True)
class CorruptedVideo:
    """What is drawn: T frames of M bodies, M as in the row or more; later bodies over earlier
    ones."""

    state: Float[np.ndarray, "frames bodies state"]
    body: Float[np.ndarray, "frames bodies constants"]


Corruption = Callable[[Videos, int, np.random.Generator], CorruptedVideo | None]
"""(videos, row, generator) to what is drawn, or None where the row gives it no occasion at visible
strength."""


@dataclass(frozen=True)
class Occasion:
    """A body of a row that is wholly in view from frame `start` on for as long as was asked."""

    videos: Videos
    row: int
    body: int
    start: int
    rng: np.random.Generator


def at_occasion(
    *, lasting: int = LASTING
) -> Callable[[Callable[[Occasion], CorruptedVideo | None]], Corruption]:
    """A corruption from what happens to one body in view; where the rows give it no occasion,
    nothing does."""

    def corruption(alter: Callable[[Occasion], CorruptedVideo | None]) -> Corruption:
        def corrupt(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
            chosen = occasion(videos, row, rng, lasting=lasting)
            return None if chosen is None else alter(Occasion(videos, row, *chosen, rng))

        return corrupt

    return corruption


def as_is(videos: Videos, row: int) -> CorruptedVideo:
    """The row unchanged, as arrays of its own."""
    state = videos.state[row].astype(np.float64)
    return CorruptedVideo(
        state, np.repeat(videos.body[row].astype(np.float64)[None], len(state), axis=0)
    )


def grown_share(at: Occasion, *, within: int) -> Float[np.ndarray, " frames"]:
    """0 before the occasion, then in equal steps to 1 within so many frames."""
    return np.clip((np.arange(at.videos.state.shape[1]) - at.start + 1) / within, 0.0, 1.0)


def held_back(at: Occasion, *, frames: int) -> Int[np.ndarray, " frames"]:
    """Which frame is shown in each, if everything waits at the occasion for so many."""
    frame = np.arange(at.videos.state.shape[1])
    return np.where(frame < at.start, frame, np.maximum(frame - frames, at.start))


def drawn(altered: CorruptedVideo, *, canvas: Canvas) -> UInt8[np.ndarray, "frames height width 3"]:
    """The frames: every one is a video of its own to the renderer."""
    frames = len(altered.state)
    text = np.full(frames, "", object)
    single = Videos(
        index=np.arange(frames),
        scenario=text,
        split=text,
        template=text,
        time_s=np.zeros((frames, 1), np.float32),
        state=altered.state[:, None].astype(np.float32),
        body=altered.body.astype(np.float32),
        contact_s=np.full(frames, np.nan, np.float32),
    )
    return render(single, canvas=canvas)[:, 0]


def scaled(out: CorruptedVideo, *, body: int, start: int, by: Float[np.ndarray, " frames"]) -> None:
    """Both sizes of a body, from a frame on, in place."""
    out.body[start:, body, RADIUS] *= by
    out.body[start:, body, HALF_HEIGHT] *= by


def second_of(out: CorruptedVideo, *, body: int, start: int) -> CorruptedVideo:
    """One more body like this one, on the same way and out of the view before `start`; `joined`
    puts it among the others."""
    second = CorruptedVideo(out.state[:, [body]].copy(), out.body[:, [body]].copy())
    second.state[:start, 0, X] = AWAY_M
    return second


def joined(out: CorruptedVideo, second: CorruptedVideo) -> CorruptedVideo:
    """The bodies of both, the second's drawn over the first's."""
    return CorruptedVideo(
        np.concatenate([out.state, second.state], 1), np.concatenate([out.body, second.body], 1)
    )


def others(at: Occasion) -> list[int]:
    """The bodies that can move besides the one it happens to."""
    return [body for body in movable(at.videos, at.row) if body != at.body]


def movable(videos: Videos, row: int) -> list[int]:
    """Bodies that are there and can move."""
    body = videos.body[row]
    return np.flatnonzero((body[:, MASS] > 0) & (body[:, RADIUS] > 0)).tolist()


def in_view(
    state: Float[np.ndarray, "frames bodies state"],
    body: Float32[np.ndarray, "bodies constants"] | np.ndarray,
) -> np.ndarray:
    """(frames, bodies): the whole disc, or the reference point of another body well inside."""
    margin = np.minimum(body[:, RADIUS], 1.5)
    return (np.minimum(state[..., X], state[..., Y]) >= margin) & (
        np.maximum(state[..., X], state[..., Y]) <= WORLD_M - margin
    )


def occasion(
    videos: Videos, row: int, rng: np.random.Generator, *, lasting: int = LASTING
) -> tuple[int, int] | None:
    """A body, and a frame from which on it is wholly in view for so many frames; in the middle of
    the video where there is a choice."""
    seen = in_view(videos.state[row], videos.body[row])
    frames = len(seen)
    choices = [
        (body, start)
        for body in movable(videos, row)
        for start in range(4, max(frames - lasting, 5))
        if start + lasting <= frames and seen[start - 2 : start + lasting, body].all()
    ]
    return choices[int(rng.integers(len(choices)))] if choices else None


def frame_step(
    state: Float[np.ndarray, "frames bodies state"], *, body: int, start: int
) -> Float[np.ndarray, " 2"]:
    """The way from the frame before `start` to it."""
    step: np.ndarray = state[start, body, :2] - state[start - 1, body, :2]
    return step


def in_phyre(videos: Videos, row: int) -> bool:
    """Whether the row obeys PHYRE's physics, and not that of free discs."""
    return physics_of(str(videos.scenario[row])) == PhyreRules.physics


def fall_m(videos: Videos, row: int) -> float:
    """g · interval² of the row."""
    interval = float(videos.time_s[row, 1] - videos.time_s[row, 0])
    if in_phyre(videos, row):
        return 9.8 * 60.0 / 512.0 * interval**2
    change = np.diff(videos.state[row, :, :, 4].astype(np.float64), axis=0)
    return float(-np.median(change)) * interval


def off_its_way(videos: Videos, row: int, altered: CorruptedVideo) -> bool:
    """Whether a wrong motion of PHYRE is `VISIBLE_M` off, in the air or upwards, within `LASTING`
    frames from its start."""
    true = videos.state[row].astype(np.float64)
    way = altered.state[:, : true.shape[1], :2] - true[..., :2]
    wrong = np.linalg.norm(way, axis=-1) > 1e-3
    if not wrong.any():
        return False
    start = int(wrong.any(1).argmax())
    shown = slice(start, start + LASTING)
    seen = in_view(altered.state[shown, : true.shape[1]], videos.body[row]).all(0) & wrong[
        start:
    ].any(0)
    clear = (
        clearances(true, shapes=solids(videos.body[row], px_m=WORLD_M / 128))[
            max(start - 1, 0) : start + 2
        ].min(0)
        > CLEAR_M
    )
    up = (
        altered.state[shown, : true.shape[1], Y].max(0)
        - altered.state[start - 1, : true.shape[1], Y]
    )
    return bool(
        (
            seen
            & np.where(
                clear, np.linalg.norm(way[shown], axis=-1).max(0) >= VISIBLE_M, up >= VISIBLE_M
            )
        ).any()
    )


def visibly(corrupt: Corruption, *, tries: int = 12) -> Corruption:
    """The same corruption, in PHYRE drawn again until its motion is visibly wrong; in a law nothing
    is near that could explain it."""

    def seen(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
        law = not in_phyre(videos, row)
        drawn_once = (corrupt(videos, row, rng) for _ in range(tries))
        return next(
            (
                altered
                for altered in drawn_once
                if altered is not None and (law or off_its_way(videos, row, altered))
            ),
            None,
        )

    return seen
