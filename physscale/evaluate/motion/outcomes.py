"""What each body of each video did, compared with what it should have done.

The *scored* frames are those after the conditioning frames in which the true ball is fully in view.
The *late* frames are the scored ones after the contact if there is one (the paper's choice for
collisions), and otherwise all scored frames. Per body:

    velocity_error   = | least-squares slope over the late frames of (generated - true) position |
    frame_velocity_error = mean over neighbouring late frames of | v̂ - v |, v by differences
                       (arXiv 2411.02385, section 3)
    position_error   = mean over the scored frames of the distance
    vanished         = fraction of the scored frames in which the ball is not seen; such frames
                       enter no other number (doubles, mergers, teleports, shape, colour, momentum
                       and energy: `evaluate.motion.conservation`)

The slope is linear in the positions, so where the true velocity is constant it is |v̂ - v| of the
two least-squares velocities; where it changes (parabola, behaviours) it is the rate at which the
generated ball drifts from the true one. All norms are two-dimensional."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, UInt8

from physscale.evaluate.motion.conservation import (
    changes,
    energy_error,
    frame_mean,
    momentum_error,
    radius_drift,
    teleported,
)
from physscale.evaluate.motion.track import Parsed, parse
from physscale.records.scene import WORLD_M
from physscale.records.scores import OUTCOMES
from physscale.records.video import BODY, PLACE, VELOCITY, Videos

EDGE_TOLERANCE_M = 1e-3
SLOPE_FRAMES = 3
"""A slope over fewer frames than this is not measured (null)."""

STILL_M_S = 0.05
"""Below this true speed a motion has no direction: its speed is a norm and it cannot be
reversed."""


@dataclass(frozen=True)
class Frames:
    """Which frames count for which body."""

    scored: Bool[np.ndarray, "batch frames bodies"]
    late: Bool[np.ndarray, "batch frames bodies"]


def outcomes(
    truth: Videos,
    pixels: UInt8[np.ndarray, "batch frames size size 3"],
    *,
    condition_frames: int,
    run: str,
) -> pa.Table:
    """The `OUTCOMES` rows of generated frames: one per body that has any scored frame."""
    return compare(
        truth,
        parse(pixels, body=truth.body, start_m=truth.state[:, 0, :, PLACE]),
        condition_frames=condition_frames,
        run=run,
    )


def compare(truth: Videos, tracks: Parsed, *, condition_frames: int, run: str) -> pa.Table:
    """The same from tracks, whether parsed or predicted by a baseline."""
    frames = counted_frames(truth, condition_frames=condition_frames)
    time = np.broadcast_to(truth.time_s.astype(np.float64)[:, :, None], frames.scored.shape)
    true = truth.state[..., PLACE].astype(np.float64)
    error = np.stack([tracks.x_m, tracks.y_m], -1) - true
    measured = _slope_frames(frames.late, tracks=tracks)
    drift = slope(error, time_s=time, used=measured)
    true_velocity = slope(true, time_s=time, used=frames.late)
    true_speed = np.linalg.norm(true_velocity, axis=-1)
    same_frames = slope(true, time_s=time, used=measured)
    velocity = drift + same_frames
    direction = true_velocity / np.where(true_speed > STILL_M_S, true_speed, np.nan)[..., None]
    moves = np.isfinite(direction).all(-1)
    speed = np.where(moves, (velocity * direction).sum(-1), np.linalg.norm(velocity, axis=-1))
    scored_seen = frames.scored & tracks.seen
    late_seen = frames.late & tracks.seen
    radius = truth.body[:, :, BODY.index("radius_m")].astype(np.float64)
    first_speed = np.linalg.norm(truth.state[:, 0, :, VELOCITY].astype(np.float64), axis=-1)
    columns = {
        "kind": truth.body[:, :, BODY.index("kind")].astype(np.int64),
        "radius_m": radius,
        "true_speed_m_s": np.where(np.isfinite(true_speed), true_speed, first_speed),
        "speed_m_s": speed,
        "velocity_error_m_s": np.linalg.norm(drift, axis=-1),
        "frame_velocity_error_m_s": _frame_error(error, time_s=time, used=late_seen),
        "position_error_m": frame_mean(np.linalg.norm(error, axis=-1), used=scored_seen),
        "radius_error_m": frame_mean(np.abs(tracks.radius_m - radius[:, None]), used=scored_seen),
        "vanished": 1.0 - scored_seen.sum(1) / np.maximum(frames.scored.sum(1), 1),
        "reversed": moves & (np.nan_to_num(speed) < 0.0),
        "teleported": teleported(error, seen=frames.scored & tracks.seen),
        "radius_drift_m": radius_drift(tracks, scored=frames.scored),
        "momentum_error": momentum_error(drift, true_m_s=same_frames, body=truth.body),
        "energy_error": energy_error(drift, true_m_s=same_frames, body=truth.body),
        **changes(tracks, scored=frames.scored),
    }
    return _table(truth, columns=columns, scored=np.any(frames.scored, axis=1), run=run)


def counted_frames(truth: Videos, *, condition_frames: int) -> Frames:
    """Scored and late frames, from the truth alone."""
    in_view = discs_in_view(truth, place_m=truth.state[..., PLACE])
    scored = in_view & (np.arange(truth.time_s.shape[1]) >= condition_frames)[None, :, None]
    contact = truth.contact_s[:, None]
    after = np.isnan(contact) | (truth.time_s > contact)
    return Frames(scored=scored, late=scored & after[:, :, None])


def discs_in_view(
    truth: Videos, *, place_m: Float[np.ndarray, "batch frames bodies 2"]
) -> Bool[np.ndarray, "batch frames bodies"]:
    """Whether a disc of each body's radius at this place is fully in view."""
    radius = truth.body[:, None, :, [BODY.index("radius_m")]] - EDGE_TOLERANCE_M
    inside: np.ndarray = np.all((place_m >= radius) & (place_m <= WORLD_M - radius), axis=-1)
    return inside


def slope(
    values: Float[np.ndarray, "batch frames bodies 2"],
    *,
    time_s: Float[np.ndarray, "batch frames bodies"],
    used: Bool[np.ndarray, "batch frames bodies"],
) -> Float[np.ndarray, "batch bodies 2"]:
    """Least-squares slope over the used frames, NaN where they are fewer than `SLOPE_FRAMES`."""
    weight = used.astype(np.float64)
    count = weight.sum(1)
    centred = (time_s - ((weight * time_s).sum(1) / np.maximum(count, 1.0))[:, None]) * weight
    spread = np.where(count >= SLOPE_FRAMES, (centred**2).sum(1), np.nan)
    return (centred[..., None] * np.where(used[..., None], values, 0.0)).sum(1) / spread[..., None]


def _slope_frames(
    late: Bool[np.ndarray, "batch frames bodies"], *, tracks: Parsed
) -> Bool[np.ndarray, "batch frames bodies"]:
    """Late frames with the whole ball in the generated view; all in which it is seen, where those
    are too few."""
    whole = late & tracks.whole
    enough = whole.sum(1) >= SLOPE_FRAMES
    return np.where(enough[:, None], whole, late & tracks.seen)


def _frame_error(error: np.ndarray, *, time_s: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Mean |v̂ - v| over neighbouring used frames; v̂ - v is the difference of the position errors
    over the time between."""
    both = used[:, 1:] & used[:, :-1]
    difference = np.linalg.norm(np.diff(error, axis=1), axis=-1) / np.diff(time_s, axis=1)
    return frame_mean(difference, used=both)


def _table(
    truth: Videos,
    *,
    columns: dict[str, np.ndarray],
    scored: Bool[np.ndarray, "batch bodies"],
    run: str,
) -> pa.Table:
    video, body = np.nonzero(scored)
    arrays: dict[str, pa.Array] = {
        "run": pa.array([run] * len(video), pa.string()),
        "split": pa.array(truth.split[video].tolist(), pa.string()),
        "index": pa.array(truth.index[video], pa.int64()),
        "body": pa.array(body, pa.int64()),
    }
    for name, values in columns.items():
        field = OUTCOMES.field(name)
        chosen = values[video, body]
        missing = ~np.isfinite(chosen) if field.nullable else None
        if pa.types.is_boolean(field.type):
            chosen = np.nan_to_num(chosen) > 0
        arrays[name] = pa.array(chosen, field.type, mask=missing)
    return pa.Table.from_arrays([arrays[name] for name in OUTCOMES.names], schema=OUTCOMES)
