"""The baseline that replays training videos draws their first states once, in portions."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.evaluate.motion.baselines import FirstStates, features, replay
from physscale.run import baseline_tracks
from physscale.run.baseline_tracks import TrainingRows
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.tiny import tiny_run


@pytest.mark.parametrize("scenario", [UniformMotion(), Collision()], ids=lambda one: one.name)
def test_it_replays_what_a_look_at_all_training_videos_finds(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = replace(tiny_run(), data=DataSpec(scenario=scenario, videos=50, seed=3))
    asked = DataSpec(scenario=scenario, videos=20, draw="held_out", split="id")
    truth = simulate(asked, indices=np.arange(20))
    every = simulate(run.data, indices=np.arange(50))
    whole = replay(every.take(FirstStates.of(features(every)).nearest(truth)))
    drawn: list[int] = []

    def counted(data: DataSpec, *, indices: np.ndarray) -> object:
        drawn.append(len(indices) * data.frames)
        return simulate(data, indices=indices)

    monkeypatch.setattr(baseline_tracks, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(baseline_tracks, "simulate", counted)
    training = TrainingRows(run)
    for _ in range(2):
        found = training.replayed(truth)
        assert np.array_equal(found.x_m, whole.x_m)
        assert np.array_equal(found.y_m, whole.y_m)
        assert np.array_equal(found.radius_m, whole.radius_m)
    assert drawn[:8] == [7] * 7 + [1], "one frame of every training video, once"
    assert len(drawn) == 8 + 2
    assert max(drawn[8:]) <= 20 * run.data.frames, "whole motion of the replayed ones alone"
