"""Every metric on the truth, where it is at its floor, and on a video that is wrong in just that
way."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import METRICS
from physscale.evaluate.motion.baselines import clamp
from physscale.evaluate.motion.outcomes import compare, outcomes
from physscale.evaluate.motion.track import Parsed, parse
from physscale.records.scene import Body, Scene, Shape
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.batch import stack
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

GIVEN, FROM = 3, 8
CANVAS = Canvas(size_px=64)
BALL, PAIR = UniformMotion(direction="right", speed_m_s=((1.5, 3.0),)), Collision()
RED = BODY.index("red")


def rows(scenario: Scenario) -> Videos:
    return simulate(DataSpec(scenario=scenario, videos=12), indices=np.arange(12))


def moved(truth: Videos, *, by_m: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Frames of balls displaced along x by a function of the time since the conditioning frames."""
    state = truth.state.copy()
    since = np.maximum(truth.time_s - truth.time_s[:, GIVEN - 1 : GIVEN], 0)
    state[..., 0] += by_m(since)[:, :, None].astype(np.float32)
    return render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)


def with_body(truth: Videos, **changes: float) -> np.ndarray:
    """Frames whose balls are of another make after the conditioning ones."""
    body = truth.body.copy()
    for name, value in changes.items():
        body[:, :, BODY.index(name)] = (
            value if name != "radius_m" else value * body[:, :, BODY.index(name)]
        )
    frames = render(truth, canvas=CANVAS)
    frames[:, FROM:] = render(Videos(**{**vars(truth), "body": body}), canvas=CANVAS)[:, FROM:]
    return frames


def turned_back(truth: Videos) -> np.ndarray:
    state = truth.state.copy()
    state[:, GIVEN:, :, 0] = 2 * state[:, GIVEN - 1 : GIVEN, :, 0] - state[:, GIVEN:, :, 0]
    return render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)


def gone(truth: Videos) -> np.ndarray:
    frames = render(truth, canvas=CANVAS)
    frames[:, FROM:] = 255
    return frames


def elsewhere(truth: Videos) -> np.ndarray:
    """Two frames away, then back."""
    return moved(truth, by_m=lambda since: 1.2 * (np.abs(since - 0.75) < 0.11))


def doubled(truth: Videos) -> np.ndarray:
    state = truth.state.copy()
    state[..., 1] = 8.4
    frames = render(truth, canvas=CANVAS)
    frames[:, FROM:] = np.minimum(
        frames, render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)
    )[:, FROM:]
    return frames


def squashed(truth: Videos) -> np.ndarray:
    """Every second row of the ball's own pixels is left out: 0.7 times as high."""
    frames = render(truth, canvas=CANVAS)
    height = np.arange(CANVAS.size_px) - CANVAS.size_px / 2
    rows = np.clip(np.round(height / 0.7 + CANVAS.size_px / 2), 0, CANVAS.size_px - 1).astype(int)
    frames[:, FROM:] = frames[:, FROM:, rows]
    return frames


def balls() -> Videos:
    return rows(BALL)


def pairs() -> Videos:
    return rows(PAIR)


def twins(count: int = 4) -> Videos:
    """Three red balls in one lane each of its own speed; the first two meet nearly."""
    scenes = [
        Scene(
            bodies=(
                Body(x_m=1.0 + 0.1 * number, y_m=3.0, radius_m=0.7, vx_m_s=2.5),
                Body(x_m=6.0, y_m=3.2, radius_m=0.9, vx_m_s=-0.5, kind=1),
                Body(
                    x_m=9.0,
                    y_m=7.5,
                    radius_m=0.8,
                    vx_m_s=-3.0,
                    kind=2,
                    half_height_m=0.8,
                    shape=Shape.BOX,
                ),
            )
        )
        for number in range(count)
    ]
    batch, time_s = stack(scenes), np.tile((0.1 * np.arange(10, dtype=np.float32)), (count, 1))
    state = np.repeat(batch.start[:, None], 10, axis=1).astype(np.float32)
    state[..., 0] += state[..., 3] * time_s[:, :, None]
    names = np.full(count, "twins", object)
    return Videos(
        index=np.arange(count),
        scenario=names,
        split=names,
        template=names,
        time_s=time_s,
        state=state,
        body=batch.body.astype(np.float32),
        contact_s=np.full(count, np.nan, np.float32),
    )


def touching(truth: Videos) -> np.ndarray:
    """The first of three red bodies comes into one piece with the second."""
    state = truth.state.copy()
    state[:, 6:, 0, 0] = state[:, 6:, 1, 0] - 1.2
    return render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)


@dataclass(frozen=True)
class Wrong:
    """A video that is wrong in just the metric's way.

    Attributes:
        floor: the worst value that true frames may have.
        least: the best value that the wrong frames may have.
    """

    truth: Callable[[], Videos]
    wrong: Callable[[Videos], np.ndarray]
    floor: float
    least: float


WRONG = {
    "velocity_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.4 * since), 0.01, 0.35
    ),
    "frame_velocity_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.4 * since), 0.02, 0.35
    ),
    "position_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.3 * (since > 0)), 0.01, 0.25
    ),
    "radius_error": Wrong(balls, lambda truth: with_body(truth, radius_m=1.3), 0.01, 0.1),
    "vanish_rate": Wrong(balls, gone, 0.0, 8 / 13),
    "reversal_rate": Wrong(balls, turned_back, 0.0, 0.9),
    "teleport_rate": Wrong(balls, elsewhere, 0.0, 1.0),
    "duplicate_rate": Wrong(balls, doubled, 0.0, 8 / 13),
    "radius_drift": Wrong(balls, lambda truth: with_body(truth, radius_m=1.3), 0.02, 0.2),
    "shape_change": Wrong(balls, squashed, 0.03, 0.15),
    "colour_change": Wrong(
        balls, lambda truth: with_body(truth, red=255, green=90, blue=90), 0.005, 0.15
    ),
    "momentum_error": Wrong(
        pairs, lambda truth: moved(truth, by_m=lambda since: 1.0 * since), 0.02, 0.3
    ),
    "energy_error": Wrong(
        pairs, lambda truth: moved(truth, by_m=lambda since: 1.0 * since), 0.02, 0.2
    ),
    "merge_rate": Wrong(twins, touching, 0.0, 2 / 3 * 4 / 7),
    "ssim": Wrong(balls, turned_back, 1.0, 0.9),
    "psnr_db": Wrong(balls, turned_back, 100.0, 30.0),
    "st_lpips": Wrong(balls, turned_back, 0.0, 0.02),
}


DEFINED_WITHOUT_A_BALL = {
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
    assert entry.defined_on(made, tracked=True) == (entry.needs == "tracks")
    assert not entry.defined_on(made, tracked=False)


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


def test_bodies_of_one_colour_are_told_by_their_places() -> None:
    truth = twins()
    tracks = parse(render(truth, canvas=CANVAS), body=truth.body, start_m=truth.state[:, 0, :, :2])
    assert tracks.seen.all()
    assert not tracks.merged.any()
    assert not tracks.duplicated.any()
    assert np.abs(tracks.x_m - truth.state[..., 0]).max() < 0.02
    assert np.abs(tracks.radius_m - truth.body[:, None, :, BODY.index("radius_m")]).max() < 0.02
    assert np.nanmax(tracks.shape_change) < 0.05, "a square is a square, a disc a disc"


def test_two_in_one_piece_are_merged_and_a_lost_one_is_not() -> None:
    truth = twins()
    state = truth.state.copy()
    tracks = parse(touching(truth), body=truth.body, start_m=truth.state[:, 0, :, :2])
    assert tracks.merged[:, 6:, :2].all()
    assert not tracks.seen[:, 6:, :2].any()
    assert tracks.seen[:, :, 2].all(), "the third has nothing to do with it"
    state[:, 6:, 0, 1] = -5.0
    lost = parse(
        render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS),
        body=truth.body,
        start_m=truth.state[:, 0, :, :2],
    )
    assert not lost.merged.any()
    assert not lost.seen[:, 6:, 0].any()
    assert lost.seen[:, :, 1:].all()


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
