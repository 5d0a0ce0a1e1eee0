"""Where the official generators put the balls, and which scenes they drop: a replay of their random
numbers.

Each chunk of 1,000 scenes starts again from seed 42, so item i of every chunk uses the same draws.
This repeated-seed trap is kept in this mode alone. Numba's generator is the same MT19937, seeded
the same way, with its own state. The order of all operations is the official one: where two sides
of a comparison are equal but for rounding, it decides whether a further number is drawn."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float

from physscale.records.scene import WORLD_M
from physscale.render.compiled import compiled
from physscale.simulate.paper.grids import SEED, Motion

CHUNK = 1000
EDGE = 0.05 * WORLD_M
FRAMES, STEP_S, STEPS = 32, 0.01, 10
FRAME_S = STEP_S * STEPS
STAY_FRAMES, CONTACT_FRAMES, AFTER_FRAMES = 24, 8, 8
TRIES, DROPPED_FROM = 50, 10


@dataclass(frozen=True)
class Starts:
    """First places (x of each ball; the common height), and whether the official filter keeps the
    scene."""

    x_m: Float[np.ndarray, "rows balls"]
    y_m: Float[np.ndarray, " rows"]
    kept: Bool[np.ndarray, " rows"]


def replay(
    law: Motion,
    *,
    rows: Float[np.ndarray, "rows values"],
    chunk: int = CHUNK,
    contact_frames: int = CONTACT_FRAMES,
    dropped_from: int = DROPPED_FROM,
) -> Starts:
    """The starts of these rows, in their order from the beginning of the list.

    Args:
        rows: (r, v, ...), or (r₁, r₂, v₁, v₂) for collisions, as `grids` lists them.
        chunk: scenes until the generator starts again.
        contact_frames: whole frames before a hit.
        dropped_from: a scene that needed this many tries is dropped.
    """
    x = np.empty((len(rows), 2 if law == "collision" else 1))
    y = np.empty(len(rows))
    kept = np.ones(len(rows), np.bool_)
    if law == "collision":
        _two_balls(rows, chunk, contact_frames, dropped_from, x, y, kept)
    else:
        _one_ball(rows, chunk, law == "parabola", x, y)
    return Starts(x, y, kept)


@dataclass(frozen=True)
class Scenes:
    """The kept scenes of a file: its numbers, first x of each ball, common height."""

    rows: Float[np.ndarray, "kept values"]
    x_m: Float[np.ndarray, "kept balls"]
    y_m: Float[np.ndarray, " kept"]

    def numbers(self, index: int) -> tuple[list[float], list[float], float]:
        """Those of one scene."""
        return self.rows[index].tolist(), self.x_m[index].tolist(), float(self.y_m[index])


@compiled
@no_type_check
def _between(low: float, high: float) -> float:
    return np.random.rand() * (high - low) + low


@compiled
@no_type_check
def _one_ball(rows: np.ndarray, chunk: int, thrown: bool, x: np.ndarray, y: np.ndarray) -> None:
    for row in range(len(rows)):
        if row % chunk == 0:
            np.random.seed(SEED)
        radius, speed = rows[row, 0], rows[row, 1]
        rightmost = WORLD_M - (STAY_FRAMES * speed * STEP_S * STEPS + radius)
        if rightmost < radius:
            rightmost = radius + _between(0.0, 0.5)
        x[row, 0] = _between(radius, rightmost)
        highest = WORLD_M - EDGE - radius
        y[row] = _between(highest - 1.0 if thrown else radius + EDGE, highest)


@compiled
@no_type_check
def _two_balls(
    rows: np.ndarray,
    chunk: int,
    contact_frames: int,
    dropped_from: int,
    x: np.ndarray,
    y: np.ndarray,
    kept: np.ndarray,
) -> None:
    for row in range(len(rows)):
        if row % chunk == 0:
            np.random.seed(SEED)
        left, right, speed = rows[row, 0], rows[row, 1], rows[row, 2] + rows[row, 3]
        nearest = contact_frames * speed * STEP_S * STEPS + left + right
        farthest = (FRAMES - AFTER_FRAMES) * STEP_S * STEPS * speed + left + right
        tries = 0
        while tries < TRIES:
            if (
                left > 2 * right
                # its x range is overwritten below (a missing elif): only the shorter reach and two
                # draws stay
            ):
                farthest = min(nearest * 1.25, WORLD_M - left - right)
                _between(nearest, farthest)
            if right > 2 * left:
                farthest = min(nearest * 1.25, WORLD_M - left - right)
                apart = _between(nearest, farthest)
                rightmost = WORLD_M - right - apart
                leftmost = rightmost - EDGE
            else:
                farthest = min(farthest, WORLD_M - left - right)
                apart = _between(nearest, farthest)
                leftmost, rightmost = left, WORLD_M - right - apart
            x[row, 0] = max(_between(leftmost, rightmost), left)
            x[row, 1] = min(x[row, 0] + apart, WORLD_M - right)
            frames = contact_frames + 1.0
            if speed > 0:
                frames = (x[row, 1] - x[row, 0] - left - right) / speed / FRAME_S
            if frames >= contact_frames:
                break
            tries += 1
        kept[row] = tries < dropped_from
        largest = max(left, right)
        y[row] = _between(largest + EDGE, WORLD_M - EDGE - largest)
