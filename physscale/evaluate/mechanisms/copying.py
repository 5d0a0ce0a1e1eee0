"""Does a model replay its training videos? The nearest training video of each generated one, and
the rate of copies.

The distance between a track and a training video is a root mean square in metres. It runs over the
scored frames, the bodies, and their two positions and radius. Only videos whose bodies have the
same colours are compared. In the space `motion`, each body's position in the last given frame is
subtracted first. A replayed speed that starts at another position is near in `motion` but not in
`state`.

A generated video is a copy if it lies nearer to a training video than true held-out videos do. The
limit is the k-th smallest distance of n true videos whose frames went through the same codec and
parser, with k = floor(rate (n + 1)). Another true video falls below it with a probability of at
most `rate` (split conformal prediction, arXiv 0706.3188)."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from physscale.evaluate.motion.outcomes import counted_frames
from physscale.evaluate.motion.track import Parsed
from physscale.evaluate.scores import Interval, bootstrap
from physscale.records.errors import UserError
from physscale.records.rate import Rate, wilson
from physscale.records.video import BODY, COLOUR, PLACE, Videos

Space = Literal["state", "motion"]
SPACES: tuple[Space, ...] = ("state", "motion")
FALSE_ALARMS = 0.05
AT_ONCE = 512
"""Number of training videos that are compared at a time."""

RADIUS = BODY.index("radius_m")
Tracks = Float[np.ndarray, "batch frames bodies 3"]


@dataclass(frozen=True)
class Nearest:
    """The nearest training video of each video.

    Attributes:
        distance_m: infinite if no training video has the same colours, or no frame shows a body.
        row: the position of the nearest video among the training rows.
    """

    distance_m: Float[np.ndarray, " batch"]
    row: Int[np.ndarray, " batch"]


@dataclass(frozen=True)
class Memory:
    """Copies among generated videos, against true ones.

    Attributes:
        copies: rate of videos nearer to a training video than `limit_m`.
        false_alarms: upper bound of that rate for true videos.
        pulled: rate of videos nearer to a training video than their own truth is.
        model_m, truth_m: mean distance of generated and of true videos to the nearest training
            video.
        copied: positions of the copies, nearest first.
    """

    copies: Rate
    false_alarms: float
    limit_m: float
    pulled: Rate
    model_m: Interval
    truth_m: Interval
    copied: Int[np.ndarray, " copies"]


def nearest_training(
    truth: Videos,
    tracks: Parsed,
    *,
    training: Videos,
    condition_frames: int,
    space: Space,
) -> Nearest:
    """Nearest training video of each track, over the scored frames that show the body.

    Raises:
        UserError: if the training rows differ in frames or bodies.
    """
    if training.state.shape[1:] != truth.state.shape[1:]:
        raise UserError(
            f"memory: the training rows have {training.state.shape[1:3]} frames and bodies, the "
            f"videos {truth.state.shape[1:3]}"
        )
    used = counted_frames(truth, condition_frames=condition_frames).scored & tracks.seen
    known, made = _points(training), np.stack([tracks.x_m, tracks.y_m, tracks.radius_m], -1)
    if space == "motion":
        last = condition_frames - 1
        known = _without_place(known, at=known[:, last])
        made = _without_place(made, at=_points(truth)[:, last])
    same = _same_colours(truth, training=training)
    distance, row = np.full(len(truth), np.inf), np.zeros(len(truth), int)
    for start in range(0, len(known), AT_ONCE):
        part = np.where(
            same[:, start : start + AT_ONCE],
            _distances(made, known=known[start : start + AT_ONCE], used=used),
            np.inf,
        )
        nearest = part.argmin(1)
        closer = part[np.arange(len(part)), nearest] < distance
        row = np.where(closer, start + nearest, row)
        distance = np.minimum(distance, part.min(1))
    return Nearest(distance, row)


def copy_limit(true_m: Float[np.ndarray, " batch"], *, rate: float = FALSE_ALARMS) -> float:
    """The distance below which a true video lies with a probability of at most `rate`; 0 if there
    are too few true videos."""
    place = math.floor(rate * (len(true_m) + 1))
    return float(np.sort(true_m)[place - 1]) if place >= 1 else 0.0


def memory(
    made: Nearest,
    *,
    own_truth: Nearest,
    calibration_m: Float[np.ndarray, " true_videos"],
    rate: float = FALSE_ALARMS,
) -> Memory:
    """Copies among generated videos.

    Args:
        made: nearest training videos of the generated videos.
        own_truth: nearest training videos of their truths.
        calibration_m: distances of other true videos, measured in the same way.
    """
    limit = copy_limit(calibration_m, rate=rate)
    seen = np.isfinite(made.distance_m)
    is_copy = made.distance_m < limit
    order = np.argsort(made.distance_m, kind="stable")
    known = np.isfinite(own_truth.distance_m) & seen
    pulled = (made.distance_m < own_truth.distance_m)[known]
    return Memory(
        copies=wilson(int(is_copy.sum()), of=int(seen.sum())),
        false_alarms=rate,
        limit_m=limit,
        pulled=wilson(int(pulled.sum()), of=len(pulled)),
        model_m=_mean(made.distance_m),
        truth_m=_mean(calibration_m),
        copied=order[is_copy[order]],
    )


def _mean(distances: np.ndarray) -> Interval:
    kept = distances[np.isfinite(distances)]
    return bootstrap(kept) if len(kept) else Interval(math.nan, math.nan, math.nan, 0)


def _points(videos: Videos) -> Tracks:
    place = videos.state[..., PLACE].astype(np.float64)
    radius = np.broadcast_to(videos.body[:, None, :, RADIUS].astype(np.float64), place.shape[:3])
    return np.concatenate([place, radius[..., None]], -1)


def _without_place(points: Tracks, *, at: Float[np.ndarray, "batch bodies 3"]) -> Tracks:
    moved = points.copy()
    moved[..., :2] -= at[:, None, :, :2]
    return moved


def _same_colours(truth: Videos, *, training: Videos) -> Bool[np.ndarray, "batch known"]:
    ours, theirs = (
        videos.body[:, :, COLOUR].reshape(len(videos), -1) for videos in (truth, training)
    )
    same: np.ndarray = (ours[:, None] == theirs[None]).all(2)
    return same


def _distances(
    made: Tracks,
    *,
    known: Float[np.ndarray, "known frames bodies 3"],
    used: Bool[np.ndarray, "batch frames bodies"],
) -> Float[np.ndarray, "batch known"]:
    """Σ used |a - b|² = Σ used a² - 2 Σ used a b + Σ used b², as two matrix products."""
    weight = used.astype(np.float64)
    flat = np.where(used[..., None], np.nan_to_num(made), 0.0)
    cross = flat.reshape(len(made), -1) @ known.reshape(len(known), -1).T
    squares = weight.reshape(len(made), -1) @ np.square(known).sum(-1).reshape(len(known), -1).T
    total = np.square(flat).sum((1, 2, 3))[:, None] - 2 * cross + squares
    count = weight.sum((1, 2))[:, None]
    return np.where(count > 0, np.sqrt(np.maximum(total, 0.0) / np.maximum(count, 1.0)), np.inf)
