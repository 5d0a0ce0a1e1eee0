"""Fréchet distances between the motions in two sets of videos, as FVD but without a trained
network.

`state_frechet` compares each body at eight moments: its place, its velocity, and whether it is
there, in units of the true set's spread. `violation_frechet` compares the logarithms of the
detector's scores, which subtle errors of motion change most. A wrong speed changes the first hardly
more than another draw of true videos does, and the second a thousandfold. Neither is comparable
with FVD."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from physscale.evaluate.abnormal.rules import Scores, rules_of
from physscale.evaluate.frames.frechet import Distance, extrapolated, frechet
from physscale.records.scene import WORLD_M
from physscale.records.video import Videos

MOMENTS = 8
LEAST_SPREAD = 0.05
"""Features that vary less than this among true videos are divided by this."""

LEAST_SCORE = 0.01
EXTRAPOLATE_FROM = 8


@dataclass(frozen=True)
class StateDistance:
    """Both distances. `limit` is the first one extrapolated to infinitely many videos, NaN for
    fewer than 8."""

    state: Distance
    violations: Distance
    limit: float


@dataclass(frozen=True)
class Motions:
    """What the distances compare of a set of videos. Frames are no longer needed.

    Attributes:
        states: [videos, features], in metres.
        violations: [videos, rules], logarithms of the detector's scores.
    """

    states: Float[np.ndarray, "videos features"]
    violations: Float[np.ndarray, "videos rules"]

    @staticmethod
    def joined(parts: Sequence["Motions"]) -> "Motions":
        """The parts of one set, one after the other."""
        return Motions(
            np.concatenate([part.states for part in parts]),
            np.concatenate([part.violations for part in parts]),
        )


def motions(videos: Videos, *, scores: Scores | None = None) -> Motions:
    """What the distances compare, from the frames.

    Args:
        scores: the detector's scores, if they are known already.

    Raises:
        UserError: for rows without frames, or of physics without rules.
    """
    states = _states(videos)
    return Motions(states, _violations(scores or rules_of(videos).scores(videos)))


def state_frechet(real: Motions, *, fake: Motions) -> StateDistance:
    """Both distances.

    Raises:
        UserError: for fewer than two videos on a side.
    """
    scale = np.maximum(real.states.std(0), LEAST_SPREAD)
    ours, theirs = real.states / scale, fake.states / scale
    limit = (
        extrapolated(ours, fake=theirs).limit
        if min(len(ours), len(theirs)) >= EXTRAPOLATE_FROM
        else float("nan")
    )
    return StateDistance(
        frechet(ours, fake=theirs), frechet(real.violations, fake=fake.violations), limit
    )


def _states(videos: Videos) -> Float[np.ndarray, "batch features"]:
    """x, y, their rates and presence of all bodies. An absent body counts as at rest in the
    middle."""
    place = rules_of(videos).places(videos)
    there = np.isfinite(place).all(-1)
    place = np.where(there[..., None], place, WORLD_M / 2)
    moments = np.unique(np.linspace(1, place.shape[1] - 1, MOMENTS).round().astype(int))
    both = there[:, moments] & there[:, moments - 1]
    rate = np.where(both[..., None], place[:, moments] - place[:, moments - 1], 0.0)
    parts = (place[:, moments], rate, there[:, moments, :, None].astype(np.float64))
    return np.concatenate(parts, -1).reshape(len(place), -1)


def _violations(scores: Scores) -> Float[np.ndarray, "batch rules"]:
    return np.log10(LEAST_SCORE + np.stack(list(scores.values()), -1))
