"""Every metric on the truth, where it is at its floor, and on a video that is wrong in just that
way."""

import numpy as np
import pytest

from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import METRICS
from physscale.evaluate.motion.baselines import clamp
from physscale.evaluate.motion.outcomes import compare, outcomes
from physscale.evaluate.motion.track import Parsed
from physscale.records.video import BODY, Videos
from physscale.render.render import render
from physscale.simulate.phyre.scenario import Phyre
from tests.unit.evaluate.wrong_videos import BALL, CANVAS, GIVEN, PAIR, WRONG, moved, rows

DEFINED_WITHOUT_A_BALL = {
    "official_velocity_error",
    "vanish_rate",
    "duplicate_rate",
    "merge_rate",
    "ssim",
    "psnr_db",
    "st_lpips",
}


def scored(truth: Videos, pixels: np.ndarray, *, metric: str) -> np.ndarray:
    made = Generated(truth=truth, canvas=CANVAS, condition_frames=GIVEN, frames=pixels)
    return METRICS.named(metric).per_video(made)


def score(truth: Videos, pixels: np.ndarray, *, metric: str) -> float:
    return float(np.nanmean(scored(truth, pixels, metric=metric)))


@pytest.mark.parametrize("metric", METRICS.entries())
def test_each_metric_knows_right_from_wrong(metric: str) -> None:
    case = WRONG[metric]
    truth = case.truth()
    sign = {"lower": 1, "higher": -1}[METRICS.named(metric).metric.direction]
    right = score(truth, render(truth, canvas=CANVAS), metric=metric)
    wrong = score(truth, case.wrong(truth), metric=metric)
    assert sign * right <= sign * case.floor + 1e-9
    assert sign * wrong >= sign * case.least - 1e-9
    assert sign * wrong > sign * right


@pytest.mark.parametrize("metric", METRICS.entries())
def test_each_metric_has_one_value_per_video_or_none(metric: str) -> None:
    """A video whose ball is gone counts only where the metric is defined without a ball."""
    truth = rows(BALL)
    frames = render(truth, canvas=CANVAS)
    frames[0] = 255
    values = scored(truth, frames, metric=metric)
    assert values.shape == (len(truth),)
    assert not np.isinf(values).any()
    assert np.isfinite(values[0]) == (metric in DEFINED_WITHOUT_A_BALL)
    assert np.isfinite(values[1])


@pytest.mark.parametrize("metric", METRICS.entries())
def test_a_baseline_has_the_metrics_of_tracks_alone(metric: str) -> None:
    truth = rows(BALL)
    tracks = clamp(truth, speed_m_s=((1.0, 4.0),), condition_frames=GIVEN)
    made = Generated(truth=truth, canvas=CANVAS, condition_frames=GIVEN, predicted=tracks)
    entry = METRICS.named(metric)
    assert entry.defined_on(made, scenario=BALL) == (entry.needs == "tracks")
    assert not entry.defined_on(made, scenario=Phyre())


@pytest.mark.parametrize(
    "metric",
    [
        "teleport_rate",
        "duplicate_rate",
        "merge_rate",
        "colour_change",
        "shape_change",
        "reversal_rate",
    ],
)
def test_a_wrong_speed_is_none_of_the_others(metric: str) -> None:
    truth = rows(BALL)
    faster = moved(truth, by_m=lambda since: 0.6 * since)
    assert score(truth, faster, metric=metric) <= WRONG[metric].floor


def test_balls_that_pass_through_each_other_keep_momentum_and_energy_and_not_their_velocities() -> (
    None
):
    """Which is why no single number is enough."""
    truth = rows(PAIR)
    state = truth.state.astype(np.float64)
    x = state[:, :1, :, 0] + state[:, :1, :, 3] * truth.time_s[:, :, None]
    seen = np.ones(x.shape, bool)
    radius = np.broadcast_to(truth.body[:, None, :, BODY.index("radius_m")], x.shape).astype(float)
    through = Parsed(x_m=x, y_m=state[..., 1], radius_m=radius, seen=seen, whole=seen)
    made = compare(truth, through, condition_frames=GIVEN, run="r")
    values = {
        name: np.nanmax(made[name].to_numpy(zero_copy_only=False))
        for name in ("momentum_error", "energy_error")
    }
    assert values == pytest.approx({"momentum_error": 0.0, "energy_error": 0.0}, abs=1e-5)
    assert np.nanmean(made["velocity_error_m_s"].to_numpy(zero_copy_only=False)) > 1.0


def test_a_ball_that_comes_back_elsewhere_has_teleported() -> None:
    truth = rows(BALL)
    frames = moved(truth, by_m=lambda since: 1.5 * (since > 0.75))
    frames[:, 9:11] = 255
    assert score(truth, frames, metric="teleport_rate") == 1.0
    assert score(truth, frames, metric="vanish_rate") == pytest.approx(2 / 13)


def test_a_ball_never_seen_has_not_kept_its_place() -> None:
    truth = rows(BALL)
    made = outcomes(
        truth, np.full((12, 16, 64, 64, 3), 255, np.uint8), condition_frames=GIVEN, run="r"
    )
    for name in (
        "teleported",
        "radius_drift_m",
        "shape_change",
        "colour_change",
        "momentum_error",
        "energy_error",
    ):
        assert made[name].null_count == len(truth), f"{name} is a number although nothing was seen"


def test_tracks_without_frames_have_no_shape_and_no_doubles() -> None:
    truth = rows(BALL)
    made = compare(
        truth,
        clamp(truth, speed_m_s=((1.0, 4.0),), condition_frames=GIVEN),
        condition_frames=GIVEN,
        run="r",
    )
    for name in ("shape_change", "colour_change", "duplicated", "merged"):
        assert made[name].null_count == len(truth)
    assert not any(made["teleported"].to_pylist())
    assert max(made["energy_error"].to_pylist()) < 1e-6
