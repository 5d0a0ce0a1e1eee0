"""Distances from the training, and how an error rises with them: planted rises are found, flat
errors are called flat."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from physscale.evaluate.mechanisms.hull import point_distances, rise, training_distances
from physscale.records.errors import UserError
from physscale.records.video import Videos
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec


def rows(scenario: Scenario, *, count: int, draw: Literal["train", "held_out"] = "train") -> Videos:
    return simulate(DataSpec(scenario=scenario, videos=count, draw=draw), indices=np.arange(count))


@pytest.mark.parametrize("axes", [1, 2, 3, 5])
def test_a_point_beyond_one_face_is_as_far_as_it_went(axes: int) -> None:
    corners = np.array(np.meshgrid(*[[0.0, 2.0]] * axes)).reshape(axes, -1).T
    inside = np.random.default_rng(0).uniform(0.05, 1.95, (20, axes))
    beyond = inside.copy()
    beyond[:, 0] = 2.0 + np.linspace(0.1, 3.0, 20)
    np.testing.assert_allclose(point_distances(inside, known=corners).hull, 0.0)
    np.testing.assert_allclose(
        point_distances(beyond, known=corners).hull, np.linspace(0.1, 3.0, 20), atol=1e-4
    )


def test_a_hole_is_inside_and_not_near() -> None:
    ring = np.stack(
        [np.cos(np.linspace(0, 2 * np.pi, 100)), np.sin(np.linspace(0, 2 * np.pi, 100))], 1
    )
    found = point_distances(np.array([[0.0, 0.0], [3.0, 0.0]]), known=ring)
    assert found.hull == pytest.approx([0.0, 2.0], abs=1e-3)
    assert found.nearest == pytest.approx([1.0, 2.0], abs=1e-2)


def test_a_flat_training_set_has_a_hull_too() -> None:
    line = np.stack([np.linspace(0, 1, 30), np.zeros(30)], 1)
    assert point_distances(np.array([[0.5, 0.7], [2.0, 0.0]]), known=line).hull == pytest.approx(
        [0.7, 1.0], abs=1e-4
    )


def test_speeds_outside_the_trained_ones_are_outside_the_hull() -> None:
    trained = UniformMotion(direction="right")
    training, inside = rows(trained, count=500), rows(trained, count=100, draw="held_out")
    faster = rows(replace(trained, speed_m_s=((4.75, 5.5),)), count=50, draw="held_out")
    assert training_distances(inside, training=training).hull.max() < 0.1
    beyond = training_distances(faster, training=training).hull
    expected = (faster.state[:, 0, 0, 3] - 4.0) / 1.5
    np.testing.assert_allclose(beyond, expected, atol=0.1)
    with pytest.raises(UserError, match="bodies"):
        training_distances(rows(Collision(), count=3), training=training)


def test_a_planted_rise_is_found() -> None:
    rng = np.random.default_rng(0)
    distance = np.concatenate([np.zeros(100), rng.uniform(0, 2, 100)])
    error = 0.05 * np.exp(1.5 * distance + 0.3 * rng.standard_normal(200))
    found = rise(error, distance=distance)
    assert found.slope.low < 1.5 < found.slope.high
    assert found.slope.low > 1.2
    assert found.spearman.low > 0.5
    assert found.factor is not None
    assert found.factor.low > 3
    curve = [value.value for value in found.isotonic]
    assert curve == sorted(curve)
    np.testing.assert_allclose(
        curve[2:], 0.05 * np.exp(1.5 * found.at[2:]) * np.exp(0.3**2 / 2), rtol=0.4
    )


def test_videos_at_one_distance_count_as_their_mean_in_any_order() -> None:
    """All inside the hull are at 0: their order among themselves is nothing to be monotone in."""
    error, distance = np.array([0.1, 0.5, 0.9, 2.0, 3.0]), np.array([0.0, 0.0, 0.0, 1.0, 1.0])
    found = rise(error, distance=distance)
    assert found.isotonic[0].value == pytest.approx(0.5)
    assert found.isotonic[-1].value == pytest.approx(2.5)
    assert found.isotonic[0].low <= 0.5 <= found.isotonic[0].high
    turned = rise(error[::-1].copy(), distance=distance[::-1].copy())
    assert [one.value for one in turned.isotonic] == [one.value for one in found.isotonic]


def test_no_rise_is_claimed_where_there_is_none_nor_where_it_falls() -> None:
    claims = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        flat = rise(np.exp(rng.standard_normal(150)), distance=rng.uniform(0, 2, 150), seed=seed)
        claims += flat.slope.low > 0 or flat.slope.high < 0
    assert claims <= 4
    rng = np.random.default_rng(1)
    distance = rng.uniform(0, 2, 200)
    falls = rise(np.exp(-distance + 0.1 * rng.standard_normal(200)), distance=distance)
    assert falls.slope.high < 0
    assert np.ptp([value.value for value in falls.isotonic]) < 0.05, (
        "a monotone curve cannot fall: it is flat"
    )
    assert falls.factor is None, "nothing at distance 0"


def test_what_cannot_rise_is_refused_and_missing_errors_do_not_count() -> None:
    with pytest.raises(UserError, match="two distances"):
        rise(np.ones(10), distance=np.zeros(10))
    some = np.array([1.0, np.nan, 2.0, 3.0])
    assert rise(some, distance=np.array([0.0, 9.0, 1.0, 2.0])).slope.count == 3
