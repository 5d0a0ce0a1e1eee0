"""Scores: means over videos, intervals that cover, and baselines worked out by hand."""

import numpy as np
import pyarrow as pa
import pytest

from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import VideoMetric, metrics_of, video_means
from physscale.evaluate.motion.baselines import (
    FirstStates,
    clamp,
    extrapolate,
    features,
    mean_speed,
    replay,
)
from physscale.evaluate.motion.outcomes import compare
from physscale.evaluate.motion.track import Parsed
from physscale.evaluate.scores import RunColumns, bootstrap, score_table
from physscale.records.errors import UserError
from physscale.records.metric_table import Metric
from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

COLUMNS: RunColumns = {
    "study": "s",
    "run": "f" * 64,
    "group": "g",
    "parameters": 10,
    "videos": 20,
    "combinations": 0,
    "steps": 30,
    "flops": 1e9,
    "seed": 1,
}
OUTCOME = dict.fromkeys(OUTCOMES.names, 0.0) | dict.fromkeys(("index", "body", "kind"), 0)
OUTCOME |= {"run": "r", "split": "id", "reversed": False, "teleported": False}


def rows(scenario: Scenario, *, count: int = 50, seed: int = 0) -> Videos:
    return simulate(
        DataSpec(scenario=scenario, videos=count, seed=seed, split="id"), indices=np.arange(count)
    )


def table(*changes: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([OUTCOME | change for change in changes], schema=OUTCOMES)


def values(made: pa.Table) -> dict[str, float]:
    return dict(zip(made["metric"].to_pylist(), made["value"].to_pylist(), strict=True))


def test_the_mean_is_over_bodies_first_and_missing_values_do_not_count() -> None:
    made = table(
        {"index": 7, "body": 0, "velocity_error_m_s": 8.0, "speed_m_s": 1.0},
        {"index": 0, "body": 0, "velocity_error_m_s": 1.0, "speed_m_s": -1.0, "reversed": True},
        {"index": 0, "body": 1, "velocity_error_m_s": 3.0, "speed_m_s": 1.0},
        {"index": 9, "body": 0, "velocity_error_m_s": None, "speed_m_s": None, "vanished": 1.0},
    )
    index = np.array([0, 7, 9, 12])
    means = video_means(made, column="velocity_error_m_s", index=index)
    np.testing.assert_array_equal(means, [2.0, 8.0, np.nan, np.nan])
    turned = video_means(made, column="reversed", index=index, measured="speed_m_s")
    np.testing.assert_array_equal(
        turned, [0.5, 0.0, np.nan, np.nan], "a vanished ball is neither reversed nor not"
    )
    assert video_means(table(), column="vanished", index=index).shape == (4,)


def test_a_metric_without_any_value_has_no_row_and_no_nan() -> None:
    truth = rows(UniformMotion(), count=4)
    blank = np.full((4, 16, 32, 32, 3), 255, np.uint8)
    gone = Generated(truth=truth, canvas=Canvas(size_px=32), condition_frames=3, frames=blank)
    tracked = [metric for metric in metrics_of("run") if metric.needs == "tracks"]
    scored = score_table(
        {metric.name: metric.per_video(gone) for metric in tracked},
        columns=COLUMNS,
        split="id",
        kind="id",
        source="model",
    )
    assert scored.schema == SCORES
    found = values(scored)
    assert "velocity_error" not in found
    assert "reversal_rate" not in found
    assert found["vanish_rate"] == 1.0


def test_a_metric_that_gives_no_value_per_video_is_refused() -> None:
    truth = rows(UniformMotion(), count=4)
    made = Generated(
        truth=truth,
        canvas=Canvas(size_px=32),
        condition_frames=3,
        predicted=mean_speed(truth, speed_m_s=((1.0, 4.0),), condition_frames=3),
    )
    mean = VideoMetric(
        metric=Metric(name="mean", words="one number"), values=lambda generated: np.zeros(1)
    )
    with pytest.raises(UserError, match=r"metric mean: values of shape \(1,\) for 4 videos"):
        mean.per_video(made)


def test_columns_of_the_run_are_in_every_row() -> None:
    made = score_table(
        {"loss": np.array([1.0, 2.0, np.nan])},
        columns=COLUMNS,
        split="speed_high",
        kind="ood",
        source="model",
    ).to_pylist()
    assert len(made) == 1
    assert made[0] | COLUMNS == made[0]
    assert (made[0]["value"], made[0]["count"], made[0]["split"], made[0]["kind"]) == (
        1.5,
        2,
        "speed_high",
        "ood",
    )
    assert made[0]["low"] <= 1.5 <= made[0]["high"]


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = [
        interval.low <= 1.0 <= interval.high
        for interval in (bootstrap(rng.exponential(size=80)) for _ in range(300))
    ]
    assert 0.89 <= np.mean(covered) <= 0.98


def test_the_interval_is_reproducible_and_shrinks_with_the_videos() -> None:
    sample = np.random.default_rng(2).normal(size=6400)
    assert bootstrap(sample) == bootstrap(sample)
    widths = [(found := bootstrap(sample[:count])).high - found.low for count in (100, 6400)]
    assert widths[0] / widths[1] == pytest.approx(8, rel=0.35)


def test_clamp_knows_the_law_and_not_the_speed() -> None:
    fast = rows(UniformMotion(speed_m_s=((4.5, 6.0),)))
    speed = np.abs(fast.state[:, 0, 0, 3]).astype(float)
    made = compare(
        fast, clamp(fast, speed_m_s=((1.0, 4.0),), condition_frames=3), condition_frames=3, run="r"
    )
    np.testing.assert_allclose(made["velocity_error_m_s"].to_numpy(), speed - 4.0, rtol=1e-4)
    inside = rows(UniformMotion())
    assert (
        np.abs(
            clamp(inside, speed_m_s=((1.0, 4.0),), condition_frames=3).x_m - inside.state[..., 0]
        ).max()
        < 1e-6
    )


def test_clamp_goes_to_the_nearer_side_of_a_gap() -> None:
    middle = rows(UniformMotion(speed_m_s=((1.5, 3.5),)))
    speed = np.abs(middle.state[:, 0, 0, 3]).astype(float)
    tracks = clamp(middle, speed_m_s=((1.0, 1.25), (3.75, 4.0)), condition_frames=3)
    made = compare(middle, tracks, condition_frames=3, run="r")
    np.testing.assert_allclose(
        made["speed_m_s"].to_numpy(), np.where(speed < 2.5, 1.25, 3.75), rtol=1e-4
    )


def test_clamp_keeps_gravity() -> None:
    fast = rows(Parabola(speed_m_s=((5.0, 5.0),)))
    made = compare(
        fast, clamp(fast, speed_m_s=((1.0, 4.0),), condition_frames=3), condition_frames=3, run="r"
    )
    np.testing.assert_allclose(made["velocity_error_m_s"].to_numpy(), 1.0, rtol=1e-4)


def test_mean_speed_weighs_intervals_by_their_length() -> None:
    truth = rows(UniformMotion())
    tracks = mean_speed(truth, speed_m_s=((0.0, 1.0), (4.0, 7.0)), condition_frames=3)
    made = compare(truth, tracks, condition_frames=3, run="r")
    np.testing.assert_allclose(made["speed_m_s"].to_numpy(), (0.5 + 3 * 5.5) / 4, rtol=1e-4)


def test_a_baseline_without_contacts_refuses_a_collision() -> None:
    with pytest.raises(AssertionError, match="contact"):
        clamp(rows(Collision()), speed_m_s=((1.0, 4.0),), condition_frames=3)


@pytest.mark.parametrize(
    ("scenario", "order", "error"), [(UniformMotion(), 1, 0.02), (Parabola(), 2, 0.25)]
)
def test_three_frames_tell_the_law_to_who_knows_it(
    scenario: Scenario, order: int, error: float
) -> None:
    truth = rows(scenario)
    frames = render(truth, canvas=Canvas(size_px=32))
    tracks = extrapolate(truth, frames, condition_frames=3, order=order)  # type: ignore[arg-type]
    made = compare(truth, tracks, condition_frames=3, run="r")
    assert made["velocity_error_m_s"].to_numpy().mean() < error
    frames[:, 3:] = 0
    assert np.array_equal(
        extrapolate(truth, frames, condition_frames=3, order=order).x_m, tracks.x_m
    )  # type: ignore[arg-type]


def nearest(truth: Videos, *, training: Videos) -> Parsed:
    return replay(training.take(FirstStates.of(features(training)).nearest(truth)))


def test_the_nearest_training_video_is_itself_and_gets_nearer_with_more() -> None:
    training = rows(UniformMotion(), count=2000)
    assert (
        np.abs(
            nearest(training.take(slice(0, 9)), training=training).x_m - training.state[:9, ..., 0]
        ).max()
        == 0
    )
    asked = rows(UniformMotion(), seed=9)
    errors = [
        np.mean(
            compare(
                asked,
                nearest(asked, training=training.take(slice(0, count))),
                condition_frames=3,
                run="r",
            )["velocity_error_m_s"]
        )
        for count in (20, 2000)
    ]
    assert errors[0] > 3 * errors[1]
