"""The official evaluation: every branch of its rules, on frames that are wrong (arXiv 2411.02385,
evaluate.py)."""

import numpy as np
import pytest

from physscale.evaluate.motion.paper_masks import colour_masks
from physscale.evaluate.motion.paper_protocol import paper_outcomes
from physscale.records.errors import UserError
from physscale.records.video import BODY, Videos
from physscale.render.render import render
from physscale.simulate.named import named_data
from physscale.simulate.scenarios.composition import Composition
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.paper_videos import PAPER, SMALL, STAYS, one, rows

HITS = np.array([17])
"""Two balls that hit and stay in view."""


def test_a_vanished_ball_is_put_at_the_edge_with_its_last_height() -> None:
    truth = rows("uniform", chosen=STAYS)
    frames = render(truth, canvas=PAPER)
    right = one(truth, frames)
    frames[:, 12:] = 255
    gone = one(truth, frames)
    places = colour_masks(frames, blue=np.array([[False]]))
    valid = np.arange(3, 31)
    x = np.where(valid < 12, places.column[0, 3:31, 0] / 25.6, 10.0)
    speed = float(truth.state[0, 0, 0, 3])
    assert gone["velocity_error"] == pytest.approx(abs((x[-1] - x[0]) / 2.7 - speed), abs=1e-5)
    assert gone["position_error_x"] == pytest.approx(
        np.abs(x - truth.state[0, 3:31, 0, 0]).mean(), abs=1e-5
    )
    assert gone["position_error_y"] == pytest.approx(right["position_error_y"], abs=2e-3), (
        "it keeps its height"
    )
    assert gone["vanished"] == pytest.approx(19 / 28)


def test_a_ball_that_is_never_there_has_no_height() -> None:
    truth = rows("uniform", chosen=STAYS)
    gone = one(truth, np.full((1, 32, 64, 64, 3), 255, np.uint8))
    assert gone["velocity_error"] == pytest.approx(float(truth.state[0, 0, 0, 3]), abs=1e-6), (
        "it stands at x = 10"
    )
    assert gone["position_error_y"] is gone["radius_drift"] is gone["position_error"] is None
    assert gone["vanished"] == 1.0


def test_one_pixel_is_a_ball() -> None:
    truth = rows("uniform", chosen=STAYS)
    frames = np.full((1, 32, 256, 256, 3), 255, np.uint8)
    frames[:, :, 128, 64] = (255, 0, 0)
    found = one(truth, frames)
    assert found["vanished"] == 0.0
    assert found["position_error_x"] == pytest.approx(
        np.abs(64 / 25.6 - truth.state[0, 3:31, 0, 0]).mean(), abs=1e-5
    )


def test_two_vanished_balls_stand_at_their_own_edges() -> None:
    truth = rows("collision", chosen=np.array([0]))
    gone = one(truth, np.full((1, 32, 64, 64, 3), 255, np.uint8))
    hit = float(truth.contact_s[0])
    before = truth.time_s[0, 3:31] < hit
    red, blue = truth.state[0, 3:31, :, 0].T
    both = np.stack([red, 10 - blue], 1)
    assert gone["position_error_x_before"] == pytest.approx(both[before].mean(), abs=0.05)
    assert gone["velocity_error_after"] == pytest.approx(
        np.abs(truth.state[0, -1, :, 3]).mean(), abs=1e-3
    )
    mass = truth.body[0, :, BODY.index("radius_m")] ** 2
    assert gone["momentum_error_after"] == pytest.approx(
        abs((mass * truth.state[0, 0, :, 3]).sum()), abs=1e-3
    )
    assert gone["energy_error_after"] == pytest.approx(
        (mass * truth.state[0, 0, :, 3] ** 2).sum() / 2, abs=1e-3
    )


def test_the_interval_of_the_hit_counts_on_neither_side() -> None:
    """A frame without balls on one side of the hit leaves the numbers of the other side alone, and
    a mean speed hears its ends only."""
    truth = rows("collision", chosen=HITS)
    frames = render(truth, canvas=PAPER)
    right = one(truth, frames)
    after = int(np.argmax(truth.time_s[0] > truth.contact_s[0]))
    late = frames.copy()
    late[:, after + 4] = 255
    worse = one(truth, late)
    assert worse["velocity_error_before"] == right["velocity_error_before"]
    assert worse["frame_velocity_error_after"] > right["frame_velocity_error_after"] + 1  # type: ignore[operator]
    assert worse["velocity_error_after"] == pytest.approx(
        right["velocity_error_after"], abs=1e-9
    ), "the ends are where they were"
    early = frames.copy()
    early[:, after - 2] = 255
    worse = one(truth, early)
    assert worse["velocity_error_after"] == right["velocity_error_after"]
    assert worse["frame_velocity_error_before"] > right["frame_velocity_error_before"] + 1  # type: ignore[operator]


def test_a_blue_square_is_found_by_the_blue_mask() -> None:
    truth = rows("uniform", chosen=STAYS)
    body = truth.body.copy()
    body[:, 0, BODY.index("red")], body[:, 0, BODY.index("blue")] = 0, 255
    blue = Videos(**{**vars(truth), "body": body})
    frames = render(truth, canvas=SMALL)
    assert one(blue, frames[..., ::-1].copy()) == one(truth, frames)
    assert one(blue, frames)["vanished"] == 1.0


def test_the_last_frame_is_left_out() -> None:
    truth = rows("uniform", chosen=STAYS)
    frames = render(truth, canvas=SMALL)
    spoilt = frames.copy()
    spoilt[:, 31] = 255
    assert one(truth, frames) == one(truth, spoilt) == one(truth, frames[:, :31].copy())
    spoilt[:, 30] = 255
    assert one(truth, frames) != one(truth, spoilt)


def test_a_clip_without_a_valid_frame_is_skipped() -> None:
    state = rows("uniform", chosen=STAYS)
    far = np.array([20, 20, 0, 0, 0, 0], np.float32)
    away = Videos(**{**vars(state), "state": state.state + far})
    outcomes = paper_outcomes(away, render(state, canvas=SMALL))
    assert outcomes["group"].to_pylist() == ["skipped"]


def test_what_it_cannot_score_it_refuses() -> None:
    truth = rows("uniform", chosen=STAYS)
    with pytest.raises(UserError, match="30 frames for 32"):
        paper_outcomes(truth, render(truth, canvas=SMALL)[:, :30].copy())
    wide = simulate(DataSpec(scenario=Parabola(), videos=1, interval_s=0.2), indices=np.arange(1))
    with pytest.raises(UserError, match="apart"):
        paper_outcomes(wide, render(wide, canvas=SMALL))
    three = simulate(DataSpec(scenario=Composition(), videos=1), indices=np.arange(1))
    crowd = Videos(
        **{**vars(three), "state": three.state[:, :, [0, 1, 1]], "body": three.body[:, [0, 1, 1]]}
    )
    with pytest.raises(UserError, match="3 bodies"):
        paper_outcomes(crowd, np.full((1, 16, 8, 8, 3), 255, np.uint8))


@pytest.mark.parametrize("name", ["uniform", "uniform_left", "composition"])
def test_balls_that_move_otherwise_than_in_the_papers_files_are_refused(name: str) -> None:
    """The script knows speeds, not directions: it gave true balls an error of 5 m/s."""
    truth = simulate(named_data(name, videos=8), indices=np.arange(8))
    with pytest.raises(UserError, match="a ball moves otherwise"):
        paper_outcomes(truth, render(truth, canvas=SMALL))


@pytest.mark.parametrize("name", ["uniform_right", "parabola", "collision"])
def test_balls_of_ours_that_move_as_the_papers_are_scored(name: str) -> None:
    truth = simulate(named_data(name, videos=8), indices=np.arange(8))
    assert len(paper_outcomes(truth, render(truth, canvas=SMALL))) == 8
