"""Outcomes: what is measured on right, wrong, missing and half-hidden balls, worked out by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from physscale.evaluate.motion.outcomes import compare, counted_frames, outcomes
from physscale.evaluate.motion.track import Parsed
from physscale.records.scores import OUTCOMES
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

GIVEN = 3
MEASURES = (
    "velocity_error_m_s",
    "frame_velocity_error_m_s",
    "position_error_m",
    "radius_error_m",
    "vanished",
)

DISCS = ("uniform", "collision", "parabola", "composition")
"""Scenarios of moving discs alone, each of a colour of its own: what the parser claims."""


def rows(scenario: Scenario, *, count: int = 20) -> Videos:
    return simulate(DataSpec(scenario=scenario, videos=count, split="id"), indices=np.arange(count))


def perfect(truth: Videos) -> Parsed:
    seen = np.ones(truth.state.shape[:3], bool)
    radius = np.broadcast_to(truth.body[:, None, :, BODY.index("radius_m")], seen.shape).astype(
        float
    )
    return Parsed(
        x_m=truth.state[..., 0].astype(float),
        y_m=truth.state[..., 1].astype(float),
        radius_m=radius,
        seen=seen,
        whole=seen,
    )


def table(truth: Videos, tracks: Parsed) -> dict[str, np.ndarray]:
    made = compare(truth, tracks, condition_frames=GIVEN, run="r")
    return {name: made[name].to_numpy(zero_copy_only=False) for name in made.column_names}


@pytest.mark.parametrize("name", DISCS)
def test_the_truth_has_no_error(name: str) -> None:
    truth = rows(scenario_named(name))
    made = compare(truth, perfect(truth), condition_frames=GIVEN, run="r")
    assert made.schema == OUTCOMES
    for measure in MEASURES:
        assert np.nanmax(made[measure].to_numpy(zero_copy_only=False)) < 1e-9
    assert not any(made["reversed"].to_pylist())


@pytest.mark.parametrize("name", DISCS)
def test_a_constant_velocity_error_is_found_in_every_scenario(name: str) -> None:
    """Δv added to any motion, straight or not, is exactly what both velocity errors say (norms in
    the plane)."""
    truth = rows(scenario_named(name))
    time = truth.time_s[:, :, None].astype(float)
    right = perfect(truth)
    made = table(truth, replace(right, x_m=right.x_m + 0.3 * time, y_m=right.y_m - 0.4 * time))
    measured = np.isfinite(made["velocity_error_m_s"])
    assert measured.mean() > 0.9
    np.testing.assert_allclose(made["velocity_error_m_s"][measured], 0.5, rtol=1e-6)
    np.testing.assert_allclose(made["frame_velocity_error_m_s"][measured], 0.5, rtol=1e-5)


def test_jitter_hits_the_frame_error_and_spares_the_slope() -> None:
    truth = rows(UniformMotion())
    right = perfect(truth)
    jitter = 0.05 * (-1.0) ** np.arange(16)[None, :, None]
    made = table(truth, replace(right, x_m=right.x_m + jitter))
    np.testing.assert_allclose(made["frame_velocity_error_m_s"], 1.0, rtol=1e-4)
    assert made["velocity_error_m_s"].max() < 0.03
    np.testing.assert_allclose(made["position_error_m"], 0.05, rtol=1e-5)


def test_speed_is_signed_along_the_true_direction() -> None:
    truth = rows(UniformMotion())
    right = perfect(truth)
    turned = table(truth, replace(right, x_m=2 * right.x_m[:, GIVEN - 1 : GIVEN] - right.x_m))
    np.testing.assert_allclose(turned["speed_m_s"], -turned["true_speed_m_s"], rtol=1e-5)
    assert turned["reversed"].all()
    np.testing.assert_allclose(
        turned["velocity_error_m_s"], 2 * turned["true_speed_m_s"], rtol=1e-5
    )
    straight = table(truth, right)
    np.testing.assert_allclose(straight["speed_m_s"], np.abs(truth.state[:, 0, 0, 3]), rtol=1e-5)


def test_a_vanished_ball_is_a_rate_and_never_speed_zero() -> None:
    truth = rows(UniformMotion())
    right = perfect(truth)
    seen = right.seen.copy()
    seen[:, 10:] = False
    half = table(
        truth, replace(right, seen=seen, whole=seen, x_m=np.where(seen, right.x_m, np.nan))
    )
    np.testing.assert_allclose(half["vanished"], 6 / 13)
    assert half["velocity_error_m_s"].max() < 1e-9
    gone = compare(
        truth,
        replace(right, seen=seen & False, whole=seen & False),
        condition_frames=GIVEN,
        run="r",
    )
    assert (
        gone["velocity_error_m_s"].null_count
        == gone["position_error_m"].null_count
        == gone["speed_m_s"].null_count
        == len(truth)
    )
    assert set(gone["vanished"].to_pylist()) == {1.0}
    assert not any(gone["reversed"].to_pylist())


def test_after_a_contact_only_the_frames_after_it_tell_the_velocity() -> None:
    truth = rows(Collision())
    frames = counted_frames(truth, condition_frames=GIVEN)
    assert (truth.time_s[:, :, None] > truth.contact_s[:, None, None])[frames.late[..., 0]].all()
    right = perfect(truth)
    before = truth.time_s <= truth.contact_s[:, None]
    wrong_before = np.where(
        before[:, :, None],
        right.x_m + 3.0 * (truth.time_s - truth.contact_s[:, None])[:, :, None],
        right.x_m,
    )
    assert np.nanmax(table(truth, replace(right, x_m=wrong_before))["velocity_error_m_s"]) < 1e-9


def test_a_ball_that_goes_on_as_if_nothing_was_there() -> None:
    truth = rows(Collision())
    right = perfect(truth)
    straight = right.x_m[:, :1] + truth.state[:, :1, :, 3].astype(float) * truth.time_s[:, :, None]
    made = table(truth, replace(right, x_m=straight))
    change = np.abs(truth.state[:, -1, :, 3] - truth.state[:, 0, :, 3]).astype(float)
    measured = np.isfinite(made["velocity_error_m_s"])
    np.testing.assert_allclose(
        made["velocity_error_m_s"][measured],
        change[made["index"], made["body"]][measured],
        rtol=1e-4,
    )


def test_frames_with_the_true_ball_out_of_view_are_not_scored() -> None:
    truth = rows(UniformMotion(speed_m_s=((6.0, 6.0),), radius_m=((2.0, 2.0),)))
    frames = counted_frames(truth, condition_frames=GIVEN)
    assert frames.scored.sum(1).max() == 8  # 6 m at 6 m/s: frames 3 to 10
    assert table(truth, perfect(truth))["vanished"].max() == 0


def test_a_ball_that_is_never_scored_has_no_row() -> None:
    truth = rows(UniformMotion())
    assert compare(truth, perfect(truth), condition_frames=16, run="r").num_rows == 0


def test_a_parabola_that_falls_too_slowly() -> None:
    truth = rows(Parabola())
    right = perfect(truth)
    slow = right.y_m + 0.5 * 1.0 * truth.time_s[:, :, None].astype(float) ** 2
    made = table(truth, replace(right, y_m=slow))
    np.testing.assert_allclose(
        made["velocity_error_m_s"], 0.9, rtol=1e-5
    )  # mean time of frames 3 … 15
    np.testing.assert_allclose(made["frame_velocity_error_m_s"], 0.9, rtol=1e-4)


def test_from_pixels_to_the_table() -> None:
    truth = rows(Collision())
    made = outcomes(
        truth, render(truth, canvas=Canvas(size_px=32)), condition_frames=GIVEN, run="run"
    )
    assert isinstance(made, pa.Table)
    assert set(made["split"].to_pylist()) == {"id"}
    assert set(made["kind"].to_pylist()) == {0, 1}
    assert np.nanmean(made["velocity_error_m_s"].to_numpy(zero_copy_only=False)) < 0.005
