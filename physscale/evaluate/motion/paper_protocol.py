"""The official evaluation of arXiv 2411.02385 (id_ood_data/evaluate.py) as a protocol of its own,
its peculiarities kept.

Parser: a ball lies at the mean index of its pixels ÷ width × 10. The grid they are drawn on has
width - 1 steps, so all speeds come out 1/width too low. Its radius is √(pixels/π) ÷ width × 10. A
ball without a pixel is put at x = 10 (of two: red at 0, blue at 10), with y and r of the frame
before.

Valid frames: number 3 and later, the *true* ball wholly in view (of two: red not cut at the left,
blue not at the right); the last frame of a clip is left out. Velocities are forward differences
over 0.1 s of neighbouring valid frames; the hit is the first frame where a true velocity changes by
more than 0.1 m/s, and the interval in which it happens counts neither before nor after."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, UInt8

from physscale.evaluate.motion.paper_masks import Masks, colour_masks
from physscale.records.errors import UserError
from physscale.records.initial import STILL_M_S, falls, initial_numbers
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, PLACE, VELOCITY, Videos
from physscale.simulate.paper.grids import Motion
from physscale.simulate.paper.groups import group_of

FIRST_FRAME, FRAME_S, CHANGE_M_S, DRIFT_FRAMES = 3, 0.1, 0.1, 5
HEADLINE: dict[Motion, str] = {
    "uniform": "velocity_error",
    "parabola": "position_error",
    "collision": "velocity_error_after",
}
"""The error that the paper's figure 3 most likely shows: of mean velocities, not of single frames;
for parabolas, of positions."""

Track = Float[np.ndarray, "frames bodies"]
Places = Float[np.ndarray, "frames bodies 2"]


def paper_outcomes(
    truth: Videos, pixels: UInt8[np.ndarray, "batch frames height width 3"]
) -> pa.Table:
    """One row per video: its group (`filtered`: a ball too small to be counted; `skipped`: no valid
    frame) and every official number.

    Args:
        truth: one or two discs or squares, red and blue, 0.1 s apart.
        pixels: their frames, true or generated; those of 32 frames, or of the first 31.

    Raises:
        UserError: for videos that the official script cannot score.
    """
    _check(truth, pixels=pixels)
    frames = truth.state.shape[1] - 1
    seen = colour_masks(pixels[:, :frames], blue=truth.body[:, :, BODY.index("blue")] > 127)
    places, initial = truth.state[:, :frames, :, PLACE].astype(np.float64), initial_numbers(truth)
    rows = [
        _scored(seen, video=video, places=places[video], initial=initial[video])
        for video in range(len(truth))
    ]
    names = sorted({name for row in rows for name in row} - {"group"})
    columns: dict[str, pa.Array] = {
        "index": pa.array(truth.index, pa.int64()),
        "split": pa.array(truth.split.tolist(), pa.string()),
        "group": pa.array([row["group"] for row in rows], pa.string()),
    }
    for name in names:
        values = np.array([float(row.get(name, math.nan)) for row in rows])
        columns[name] = pa.array(values, pa.float64(), mask=~np.isfinite(values))
    return pa.table(columns)


def law_of(truth: Videos) -> Motion:
    """Which of the three laws these rows obey."""
    if truth.state.shape[2] == 2:
        return "collision"
    return "parabola" if bool(falls(truth).any()) else "uniform"


def _check(truth: Videos, *, pixels: np.ndarray) -> None:
    bodies = truth.state.shape[2]
    if bodies not in (1, 2):
        raise UserError(
            f"protocol paper scores one ball or two, these rows have {bodies} bodies: use "
            "protocol exact"
        )
    if pixels.shape[1] not in (truth.state.shape[1], truth.state.shape[1] - 1):
        raise UserError(
            f"protocol paper: {pixels.shape[1]} frames for {truth.state.shape[1]} true ones; give "
            "all of them, or all but the last"
        )
    step = np.diff(truth.time_s, axis=1)
    if step.size == 0 or not np.allclose(step, FRAME_S, atol=1e-4):
        raise UserError(f"protocol paper: frames must be {FRAME_S} s apart")
    astray = _moves_otherwise(truth)
    if astray.any():
        raise UserError(
            f"protocol paper: in row {int(truth.index[astray][0])} a ball moves otherwise than in "
            "the paper's files (one ball to +x; of two, the first to +x and the second to -x), "
            "where the official script gives wrong numbers; use protocol exact"
        )


def _moves_otherwise(truth: Videos) -> Bool[np.ndarray, " batch"]:
    """Where a ball moves in a direction that the script does not expect: it knows speeds only."""
    ahead = np.array([1.0, -1.0])[: truth.state.shape[2]]
    x, y = truth.state[:, 0, :, VELOCITY].transpose(2, 0, 1).astype(np.float64)
    sideways = (np.abs(y) > STILL_M_S) & ~falls(truth)[:, None]
    return np.any((x * ahead < -STILL_M_S) | sideways, axis=1)


def _scored(
    seen: Masks,
    *,
    video: int,
    places: Float[np.ndarray, "frames bodies 2"],
    initial: Float[np.ndarray, " values"],
) -> dict[str, Any]:
    bodies = places.shape[1]
    valid = _valid(places, radius=initial[:bodies])
    if not valid.any():
        return {"group": "skipped"}
    metres = WORLD_M / seen.width
    gone = seen.count[video][valid] == 0
    edge = np.array([WORLD_M] if bodies == 1 else [0.0, WORLD_M])
    x = np.where(gone, edge, seen.column[video][valid] * metres)
    y = _held(seen.row[video][valid] * metres)
    radius = _held(np.sqrt(seen.count[video][valid] / math.pi) * metres, gone=gone)
    measure = _one_ball if bodies == 1 else _two_balls
    found = measure(x, y, radius, places=places[valid], initial=initial)
    return {"group": group_of(initial, bodies=bodies), "vanished": float(gone.mean())} | found


def _valid(places: Places, *, radius: np.ndarray) -> np.ndarray:
    low, high = places - radius[:, None] >= 0.0, places + radius[:, None] <= WORLD_M
    inside = (
        low.all((1, 2)) & high.all((1, 2)) if len(radius) == 1 else low[:, 0, 0] & high[:, 1, 0]
    )
    return inside & (np.arange(len(places)) >= FIRST_FRAME)


def _held(values: Track, *, gone: np.ndarray | None = None) -> Track:
    """A frame without a ball repeats the value before; NaN until the first ball."""
    held = np.where(np.isnan(values) if gone is None else gone, np.nan, values)
    for frame in range(1, len(held)):
        held[frame] = np.where(np.isnan(held[frame]), held[frame - 1], held[frame])
    return held


def _one_ball(
    x: Track, y: Track, radius: Track, *, places: np.ndarray, initial: np.ndarray
) -> dict[str, float]:
    speed = np.diff(x[:, 0]) / FRAME_S
    x_error = np.abs(x[:, 0] - places[:, 0, 0]).mean()
    y_error = np.abs(y[:, 0] - places[:, 0, 1]).mean()
    return {
        "velocity_error": abs(_mean(speed) - initial[1]),
        "frame_velocity_error_x": _mean(np.abs(speed - np.diff(places[:, 0, 0]) / FRAME_S)),
        "frame_velocity_error_y": _mean(
            np.abs(np.diff(y[:, 0]) - np.diff(places[:, 0, 1])) / FRAME_S
        ),
        "position_error_x": float(x_error),
        "position_error_y": float(y_error),
        "position_error": float(x_error + y_error) / 2,
        "radius_drift": float(np.ptp(radius[:, 0])),
    }


def _two_balls(
    x: Track, y: Track, radius: Track, *, places: np.ndarray, initial: np.ndarray
) -> dict[str, float]:
    """Before and after the hit; momentum and energy with masses r², against those of the first
    speeds."""
    true_x = places[:, :, 0]
    speed, true_speed = np.diff(x, axis=0) / FRAME_S, np.diff(true_x, axis=0) / FRAME_S
    jumps = np.flatnonzero((np.abs(np.diff(true_speed, axis=0)) > CHANGE_M_S).any(1))
    hit = int(jumps[0]) + 1 if len(jumps) else len(true_speed) - 1
    mass, first = initial[:2] ** 2, initial[2:] * (1.0, -1.0)
    momentum, energy = speed @ mass - mass @ first, (speed**2) @ mass / 2 - mass @ first**2 / 2
    drift = np.ptp(radius[:DRIFT_FRAMES], axis=0)
    found = {"radius_drift": float(drift[0] if np.isnan(drift).any() else drift.max())}
    spans = {
        "before": (slice(0, max(hit, 0)), slice(0, hit + 1)),
        "after": (slice(hit + 1, None), slice(hit + 1, None)),
    }
    for when, (moves, stands) in spans.items():
        found[f"velocity_error_{when}"] = _mean(
            np.abs(_frame_mean(speed[moves]) - _frame_mean(true_speed[moves]))
        )
        found[f"frame_velocity_error_{when}"] = _mean(np.abs(speed[moves] - true_speed[moves]))
        found[f"position_error_x_{when}"] = _mean(np.abs(x[stands] - true_x[stands]))
        found[f"momentum_error_{when}"] = _mean(np.abs(momentum[moves]))
        found[f"energy_error_{when}"] = _mean(np.abs(energy[moves]))
    return found


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else math.nan


def _frame_mean(values: Float[np.ndarray, "frames bodies"]) -> Float[np.ndarray, " bodies"]:
    return values.mean(0) if len(values) else np.full(values.shape[1], np.nan)
