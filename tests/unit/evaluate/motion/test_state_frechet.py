"""Distances between sets of states."""

import pytest

from physscale.evaluate.calibration.corruptions_development import speed_up
from physscale.evaluate.calibration.known_videos import corrupted, true_rows
from physscale.evaluate.motion.state_frechet import Motions, motions, state_frechet
from physscale.records.errors import UserError
from tests.known_videos import CELL, shown


def test_a_wrong_speed_is_far_in_violations_alone() -> None:
    real, again = shown(0, 40), shown(40, 80)
    wrong = corrupted(again, corrupt=speed_up, cell=CELL)
    assert wrong is not None
    ours = motions(real)
    same, other = (state_frechet(ours, fake=motions(fake)) for fake in (again, wrong))
    assert other.violations.value > 20 * same.violations.value
    assert same.limit < same.state.value, "the raw value is too large by its sample size"
    assert state_frechet(ours, fake=ours).state.value == pytest.approx(0.0, abs=1e-6)
    parts = Motions.joined([motions(shown(start, start + 10)) for start in range(0, 40, 10)])
    assert state_frechet(ours, fake=parts).violations.value == pytest.approx(0.0, abs=1e-6)


def test_states_without_frames_are_refused() -> None:
    rows = true_rows(CELL, start=0, stop=4)
    with pytest.raises(UserError, match="no frames"):
        motions(rows)
