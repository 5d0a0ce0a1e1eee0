"""Tracks that need no model, to compare errors out of distribution with
(`evaluate/motion/py`)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from physscale.evaluate.motion.baselines import (
    FirstStates,
    clamp,
    extrapolate,
    features,
    mean_speed,
    replay,
)
from physscale.evaluate.motion.track import Parsed
from physscale.records.scores import Source
from physscale.records.video import Videos
from physscale.run.scored_split import ScoredSplit
from physscale.run.spec import RunSpec
from physscale.simulate.simulate import simulate

__all__ = ["TrainingRows", "baseline_tracks"]

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class TrainingRows:
    """A run's training videos, for the baseline that replays them. Their first states are drawn
    once and kept (of 3M videos with two bodies: 0.5 GB), the motion of those that are replayed when
    they are."""

    run: RunSpec

    @cached_property
    def first_states(self) -> FirstStates:
        first, every = replace(self.run.data, frames=1), np.arange(self.run.data.videos)
        known = [
            features(simulate(first, indices=every[start : start + ROWS_AT_ONCE]))
            for start in range(0, len(every), ROWS_AT_ONCE)
        ]
        return FirstStates.of(np.concatenate(known))

    def replayed(self, truth: Videos) -> Parsed:
        """The track of the most similar training video, for each of these."""
        rows, where = np.unique(self.first_states.nearest(truth), return_inverse=True)
        return replay(simulate(self.run.data, indices=rows).take(where))


def baseline_tracks(
    case: ScoredSplit, *, training: TrainingRows
) -> Iterator[tuple[Source, Parsed]]:
    """The baselines that the scenario allows, by name."""
    possible = case.run.data.scenario.baselines
    speeds = possible.trained_speed_m_s
    if speeds is not None:
        yield (
            "clamp",
            clamp(case.truth, speed_m_s=speeds, condition_frames=case.frames),
        )
        yield (
            "mean_speed",
            mean_speed(case.truth, speed_m_s=speeds, condition_frames=case.frames),
        )
    yield (
        "extrapolate",
        extrapolate(
            case.truth,
            case.pixels,
            condition_frames=case.frames,
            order=possible.polynomial_order,
        ),
    )
    yield "nearest", training.replayed(case.truth)
