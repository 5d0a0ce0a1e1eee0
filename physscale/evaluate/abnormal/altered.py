"""A true video with something wrong in it: states and constants that may change from frame to frame, and their frames.

A corruption takes one row and returns what is to be drawn in its place; the row itself, with its true states, stays what the judge is told.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, STATE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

AWAY_M = -50.0
"""A body put here is out of sight."""

LASTING = 5
"""Frames for which a corruption must be in view to be visible."""

X, Y, ANGLE = (STATE.index(name) for name in ("x_m", "y_m", "angle_rad"))
SHAPE, RADIUS, HALF_HEIGHT, MASS, RED = (BODY.index(name) for name in ("shape", "radius_m", "half_height_m", "mass_kg", "red"))


@dataclass(frozen=True)
class Altered:
    """What is drawn: T frames of M bodies, M as in the row or more; later bodies over earlier ones."""

    state: Float[np.ndarray, "frames bodies 6"]
    body: Float[np.ndarray, "frames bodies 10"]


Corruption = Callable[[Videos, int, np.random.Generator], Altered | None]
"""(videos, row, generator) to what is drawn, or None where the row gives it no occasion at visible strength."""


def as_is(videos: Videos, row: int) -> Altered:
    """The row unchanged, as arrays of its own."""
    state = videos.state[row].astype(np.float64)
    return Altered(state, np.repeat(videos.body[row].astype(np.float64)[None], len(state), axis=0))


def drawn(altered: Altered, *, canvas: Canvas) -> UInt8[np.ndarray, "frames height width 3"]:
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


def movable(videos: Videos, row: int) -> list[int]:
    """Bodies that are there and can move."""
    body = videos.body[row]
    return np.flatnonzero((body[:, MASS] > 0) & (body[:, RADIUS] > 0)).tolist()


def in_view(state: Float[np.ndarray, "frames bodies 6"], body: Float32[np.ndarray, "bodies 10"] | np.ndarray) -> np.ndarray:
    """(frames, bodies): the whole disc, or the reference point of another body well inside."""
    margin = np.minimum(body[:, RADIUS], 1.5)
    return (np.minimum(state[..., X], state[..., Y]) >= margin) & (np.maximum(state[..., X], state[..., Y]) <= WORLD_M - margin)


def occasion(videos: Videos, row: int, rng: np.random.Generator, *, lasting: int = LASTING) -> tuple[int, int] | None:
    """A body, and a frame from which on it is wholly in view for so many frames; in the middle of the video where there is a choice."""
    seen = in_view(videos.state[row], videos.body[row])
    frames = len(seen)
    choices = [
        (body, start)
        for body in movable(videos, row)
        for start in range(4, max(frames - lasting, 5))
        if start + lasting <= frames and seen[start - 2 : start + lasting, body].all()
    ]
    return choices[int(rng.integers(len(choices)))] if choices else None


def frame_step(state: Float[np.ndarray, "frames bodies 6"], *, body: int, start: int) -> Float[np.ndarray, " 2"]:
    """The way from the frame before `start` to it."""
    step: np.ndarray = state[start, body, :2] - state[start - 1, body, :2]
    return step


def fall_m(videos: Videos, row: int) -> float:
    """g · interval² of the row."""
    interval = float(videos.time_s[row, 1] - videos.time_s[row, 0])
    if videos.scenario[row] == "phyre":
        return 9.8 * 60.0 / 512.0 * interval**2
    change = np.diff(videos.state[row, :, :, 4].astype(np.float64), axis=0)
    return float(-np.median(change)) * interval
