"""The embedded kin of FVD, under names of its own: Fréchet distances between what videos show
happening, without any trained network.

`state_frechet`: of each body at eight moments its place, its velocity, and whether it is there, in
units of the true set's spread. `violation_frechet`: of the logarithm of the judge's scores of
abnormality, which subtle errors of motion change most (a wrong speed moves the first hardly more
than another draw of true videos does, the second a thousandfold). Neither is FVD, and neither
compares with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from physscale.evaluate.abnormal.detector import family_of, scores_of
from physscale.evaluate.abnormal.observe import observe
from physscale.evaluate.abnormal.phyre import tracks_of
from physscale.evaluate.frames.frechet import Distance, extrapolated, frechet
from physscale.records.scene import WORLD_M
from physscale.records.video import Videos

MOMENTS = 8
LEAST_SPREAD = 0.05
"""Features that hardly vary among true videos are divided by this."""

LEAST_SCORE = 0.01
EXTRAPOLATE_FROM = 8
Scores = Mapping[str, np.ndarray]
"""By rule, a value a video."""


@dataclass(frozen=True)
class StateDistance:
    """Both distances; `limit` is the first at endless sample size, NaN for fewer than 8 videos."""

    state: Distance
    violations: Distance
    limit: float


def state_frechet(
    real: Videos, *, fake: Videos, judged: Sequence[Scores] | None = None
) -> StateDistance:
    """From the frames of both sets; `judged`: the judge's scores of the two, where they are known
    already.

    Raises:
        UserError: for rows without frames, of scenarios that the judge does not know, or fewer than
            two on a side.
    """
    ours, theirs = _states(real), _states(fake)
    scale = np.maximum(ours.std(0), LEAST_SPREAD)
    ours, theirs = ours / scale, theirs / scale
    limit = (
        extrapolated(ours, fake=theirs).limit
        if min(len(ours), len(theirs)) >= EXTRAPOLATE_FROM
        else float("nan")
    )
    right, made = (
        _violations(scores)
        for scores in judged
        or [scores_of(videos, family=family_of(videos)) for videos in (real, fake)]
    )
    return StateDistance(frechet(ours, fake=theirs), frechet(right, fake=made), limit)


def _states(videos: Videos) -> Float[np.ndarray, "batch features"]:
    """x, y, their rates and presence of all bodies; a body that is not there stands in the middle
    and still."""
    family = family_of(videos)
    assert videos.pixels is not None
    if family == "laws":
        seen = observe(videos.pixels, body=videos.body)
        place = np.stack([seen.x_m, seen.y_m], -1)
    else:
        place = np.stack([found.pose[..., :2] for found in tracks_of(videos)])
    there = np.isfinite(place).all(-1)
    place = np.where(there[..., None], place, WORLD_M / 2)
    moments = np.unique(np.linspace(1, place.shape[1] - 1, MOMENTS).round().astype(int))
    both = there[:, moments] & there[:, moments - 1]
    rate = np.where(both[..., None], place[:, moments] - place[:, moments - 1], 0.0)
    parts = (place[:, moments], rate, there[:, moments, :, None].astype(np.float64))
    return np.concatenate(parts, -1).reshape(len(place), -1)


def _violations(scores: Scores) -> Float[np.ndarray, "batch rules"]:
    return np.log10(LEAST_SCORE + np.stack(list(scores.values()), -1))
