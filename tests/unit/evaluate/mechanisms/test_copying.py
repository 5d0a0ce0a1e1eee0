"""Copies: planted ones are found, true held-out videos are not called copies more often than
said."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.evaluate.mechanisms.copying import (
    SPACES,
    Nearest,
    Space,
    copy_limit,
    memory,
    nearest_training,
)
from physscale.evaluate.motion.track import Parsed
from physscale.records.errors import UserError
from physscale.records.video import BODY, Videos
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.composition import Composition
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

GIVEN = 3
BALL = UniformMotion(direction="right")


def rows(scenario: Scenario, *, count: int, held_out: bool = True, first: int = 0) -> Videos:
    data = DataSpec(scenario=scenario, videos=count, draw="held_out" if held_out else "train")
    return simulate(data, indices=first + np.arange(count))


def tracks(videos: Videos, *, noise_m: float = 0.0, seed: int = 0) -> Parsed:
    """As if parsed, with a little noise."""
    rng = np.random.default_rng(seed)
    place = videos.state[..., :2].astype(float) + noise_m * rng.standard_normal(
        (*videos.state.shape[:3], 2)
    )
    seen = np.ones(videos.state.shape[:3], bool)
    radius = np.broadcast_to(videos.body[:, None, :, BODY.index("radius_m")], seen.shape).astype(
        float
    )
    return Parsed(x_m=place[..., 0], y_m=place[..., 1], radius_m=radius, seen=seen, whole=seen)


def nearest(truth: Videos, made: Parsed, *, training: Videos, space: Space = "state") -> Nearest:
    return nearest_training(truth, made, training=training, condition_frames=GIVEN, space=space)


@pytest.mark.parametrize(
    "scenario", [BALL, Collision(), Composition()], ids=["uniform", "collision", "composition"]
)
@pytest.mark.parametrize("space", SPACES)
def test_a_training_video_is_its_own_nearest(scenario: Scenario, space: Space) -> None:
    training = rows(scenario, count=60, held_out=False)
    found = nearest(training, tracks(training), training=training, space=space)
    np.testing.assert_allclose(found.distance_m, 0.0, atol=1e-5)
    if space == "state":
        np.testing.assert_array_equal(found.row, np.arange(60))


def test_the_distance_is_what_the_formula_says() -> None:
    """0.3 m aside in every frame, radius right: 0.3 m; the motion alone is the same."""
    training = rows(BALL, count=1, held_out=False)
    aside = replace(tracks(training), y_m=tracks(training).y_m + 0.3)
    assert nearest(training, aside, training=training).distance_m[0] == pytest.approx(0.3, abs=1e-5)
    elsewhere = replace(training, state=training.state + np.array([1, 0, 0, 0, 0, 0], np.float32))
    assert nearest(elsewhere, tracks(elsewhere), training=training, space="motion").distance_m[
        0
    ] == pytest.approx(0.0, abs=1e-5)
    assert nearest(elsewhere, tracks(elsewhere), training=training).distance_m[0] == pytest.approx(
        1.0, abs=1e-5
    )


def test_planted_copies_are_found_and_the_others_are_not() -> None:
    training, truth, further = (
        rows(BALL, count=300, held_out=False),
        rows(BALL, count=100),
        rows(BALL, count=200, first=100),
    )
    replayed = replace(
        truth,
        state=np.where(np.arange(100)[:, None, None, None] < 30, training.state[:100], truth.state),
    )
    replayed = replace(
        replayed, body=np.where(np.arange(100)[:, None, None] < 30, training.body[:100], truth.body)
    )
    made = nearest(truth, tracks(replayed, noise_m=1e-3), training=training)
    own, true = (
        nearest(some, tracks(some, noise_m=1e-3), training=training) for some in (truth, further)
    )
    found = memory(made, own_truth=own, calibration_m=true.distance_m)
    assert set(range(30)) <= set(found.copied.tolist())
    assert len(found.copied) <= 30 + 12
    assert found.copies.low > 0.05
    assert found.pulled.value > 0.25


def test_true_videos_are_called_copies_no_more_often_than_said() -> None:
    """Over many calibrations: the rate itself, within its own error."""
    training, pool = rows(BALL, count=300, held_out=False), rows(BALL, count=1500)
    distance = nearest(pool, tracks(pool, noise_m=1e-3), training=training).distance_m
    rng, called, tried = np.random.default_rng(0), 0, 0
    for _ in range(200):
        order = rng.permutation(len(distance))
        limit = copy_limit(distance[order[:99]])
        called += int((distance[order[99:]] < limit).sum())
        tried += len(order) - 99
    assert 0.03 < called / tried <= 0.052


def test_too_few_true_videos_call_nothing_a_copy() -> None:
    assert copy_limit(np.arange(1.0, 10.0)) == 0.0
    assert copy_limit(np.arange(1.0, 20.0)) == 1.0


def test_a_video_of_other_colours_is_no_precedent_and_one_unseen_has_none() -> None:
    training = rows(BALL, count=5, held_out=False)
    body = training.body.copy()
    body[..., BODY.index("blue")] = 255
    blue = replace(training, body=body)
    assert np.isinf(nearest(blue, tracks(blue), training=training).distance_m).all()
    gone = replace(tracks(training), seen=np.zeros(training.state.shape[:3], bool))
    found = nearest(training, gone, training=training)
    assert np.isinf(found.distance_m).all()
    nothing = memory(found, own_truth=found, calibration_m=np.ones(50))
    assert (nothing.copies.count, len(nothing.copied)) == (0, 0)


def test_a_gap_snapped_to_the_trained_speeds_is_copied_motion() -> None:
    """Trained on two speeds, asked for those between, drawn at the nearer trained one: the place
    differs, the motion is replayed."""
    clusters = UniformMotion(speed_m_s=((1.0, 1.0), (4.0, 4.0)), direction="right")
    between = UniformMotion(speed_m_s=((2.0, 3.0),), direction="right")
    training, truth, further = (
        rows(clusters, count=400, held_out=False),
        rows(between, count=80),
        rows(between, count=200, first=80),
    )
    speed = truth.state[:, :1, :, 3]
    since = np.maximum(truth.time_s - truth.time_s[:, GIVEN - 1 : GIVEN], 0)[:, :, None]
    state = truth.state.copy()
    state[..., 0] += since * (np.where(speed < 2.5, 1.0, 4.0) - speed)
    snapped = replace(truth, state=state)
    made, own = (
        nearest(truth, tracks(some), training=training, space="motion") for some in (snapped, truth)
    )
    true = nearest(further, tracks(further), training=training, space="motion")
    found = memory(made, own_truth=own, calibration_m=true.distance_m)
    assert found.copies.value > 0.95
    assert found.pulled.value > 0.95


def test_training_of_another_length_is_refused() -> None:
    truth = rows(BALL, count=3)
    short = replace(truth, state=truth.state[:, :8], time_s=truth.time_s[:, :8])
    with pytest.raises(UserError, match="the training rows have"):
        nearest(truth, tracks(truth), training=short)
