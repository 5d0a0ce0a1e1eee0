"""Baselines for errors out of distribution: tracks that need no model.

`clamp` knows the law but not the speeds outside its training (the paper's "mimics the nearest case"
in one dimension); `mean_speed` knows only the training's mean; `extrapolate` continues the
conditioning frames, as parsed; `replay` shows the most similar training video (`FirstStates`). They
are scored by the same formulas as the generated tracks (`motion.compare`), without being drawn."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.spatial import cKDTree

from physscale.evaluate.motion.track import Parsed, parse
from physscale.records.video import BODY, PLACE, VELOCITY, Videos

Intervals = tuple[tuple[float, float], ...]
FEATURES = ("radius_m", "red", "green", "blue")


def clamp(truth: Videos, *, speed_m_s: Intervals, condition_frames: int) -> Parsed:
    """The true motion at the nearest speed of the trained intervals (which may leave gaps). Not for
    videos with a contact."""
    speed, direction = _first_motion(truth)
    ends = np.array(speed_m_s, float)
    inside = np.clip(speed[..., None], ends[:, 0], ends[:, 1])
    nearest = np.take_along_axis(
        inside, np.abs(inside - speed[..., None]).argmin(-1)[..., None], -1
    )[..., 0]
    return _faster(
        truth, by_m_s=(nearest - speed)[..., None] * direction, condition_frames=condition_frames
    )


def mean_speed(truth: Videos, *, speed_m_s: Intervals, condition_frames: int) -> Parsed:
    """The true motion at the mean speed of a uniform draw from the trained intervals. Not for
    videos with a contact."""
    speed, direction = _first_motion(truth)
    length = sum(high - low for low, high in speed_m_s)
    weight = [(high - low) / length if length else 1 / len(speed_m_s) for low, high in speed_m_s]
    mean = sum(
        share * (low + high) / 2 for share, (low, high) in zip(weight, speed_m_s, strict=True)
    )
    return _faster(
        truth, by_m_s=(mean - speed)[..., None] * direction, condition_frames=condition_frames
    )


def extrapolate(
    truth: Videos,
    pixels: UInt8[np.ndarray, "batch frames size size 3"],
    *,
    condition_frames: int,
    order: Literal[1, 2],
) -> Parsed:
    """The polynomial of this order through the parsed conditioning frames: 1 for constant velocity,
    2 for constant acceleration.

    Args:
        pixels: the true frames; only the first `condition_frames` are looked at.
    """
    given = parse(pixels[:, :condition_frames], body=truth.body)
    time = truth.time_s[0].astype(np.float64)
    design = np.vander(time[:condition_frames], order + 1)
    forward = np.vander(time, order + 1) @ np.linalg.pinv(design)
    x, y = (np.einsum("tc,bcn->btn", forward, track) for track in (given.x_m, given.y_m))
    radius = np.broadcast_to(given.radius_m.mean(1, keepdims=True), x.shape)
    return _tracks(x, y, radius_m=radius)


@dataclass(frozen=True)
class FirstStates:
    """The first states, radii and colours of training videos, each in its own spread."""

    scale: Float[np.ndarray, " features"]
    tree: cKDTree

    @staticmethod
    def of(known: Float[np.ndarray, "videos features"]) -> "FirstStates":
        """Of the `features` of the training videos."""
        spread = known.std(0)
        scale = np.where(spread > 1e-6, spread, 1.0)
        return FirstStates(scale, cKDTree(known / scale))

    def nearest(self, truth: Videos) -> Int[np.ndarray, " batch"]:
        """The row of the training video that is most like each of these."""
        _, rows = self.tree.query(features(truth) / self.scale)
        return np.asarray(rows)


def replay(training: Videos) -> Parsed:
    """The tracks of these training videos, as a model would show them that copies them."""
    state = training.state.astype(np.float64)
    radius = training.body[:, None, :, BODY.index("radius_m")].astype(np.float64)
    return _tracks(state[..., 0], state[..., 1], radius_m=np.broadcast_to(radius, state.shape[:3]))


def features(videos: Videos) -> Float[np.ndarray, "batch features"]:
    """What `FirstStates` compares videos by."""
    constants = videos.body[:, :, [BODY.index(name) for name in FEATURES]].astype(np.float64)
    return np.concatenate([constants, videos.state[:, 0].astype(np.float64)], -1).reshape(
        len(videos), -1
    )


def _first_motion(
    truth: Videos,
) -> tuple[Float[np.ndarray, "batch bodies"], Float[np.ndarray, "batch bodies 2"]]:
    """Speed and direction at t = 0; a ball at rest points to the right."""
    assert np.isnan(truth.contact_s).all(), "this baseline does not know what a contact does"
    velocity = truth.state[:, 0, :, VELOCITY].astype(np.float64)
    speed = np.linalg.norm(velocity, axis=-1)
    right = np.array([1.0, 0.0])
    return speed, np.where(
        speed[..., None] > 0, velocity / np.where(speed > 0, speed, 1.0)[..., None], right
    )


def _faster(
    truth: Videos, *, by_m_s: Float[np.ndarray, "batch bodies 2"], condition_frames: int
) -> Parsed:
    """The true track, from the last conditioning frame on with this velocity added."""
    since = np.maximum(
        truth.time_s - truth.time_s[:, condition_frames - 1 : condition_frames], 0.0
    ).astype(np.float64)
    place = truth.state[..., PLACE].astype(np.float64) + since[:, :, None, None] * by_m_s[:, None]
    radius = np.broadcast_to(
        truth.body[:, None, :, BODY.index("radius_m")].astype(np.float64), place.shape[:3]
    )
    return _tracks(place[..., 0], place[..., 1], radius_m=radius)


def _tracks(x_m: np.ndarray, y_m: np.ndarray, *, radius_m: np.ndarray) -> Parsed:
    there = np.isfinite(x_m) & np.isfinite(y_m)
    return Parsed(x_m=x_m, y_m=y_m, radius_m=radius_m, seen=there, whole=there)
