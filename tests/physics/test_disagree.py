"""Roll-outs from the first frames: true videos agree, a wrong future does not, and chaos shortens what is asked."""

import numpy as np
import pytest

from physscale.evaluate.abnormal.corruptions import hang
from physscale.records.scene import WORLD_M
from physscale.render.render import render
from physscale.run.disagree import disagreement
from physscale.run.known_videos import Cell, canvas, corrupted, true_rows
from physscale.simulate.phyre.rollout import rollout


@pytest.mark.parametrize("size_px", [32, 128])
@pytest.mark.parametrize("law", ["uniform", "collision", "parabola"])
def test_true_videos_agree_and_stopped_ones_do_not(law: str, size_px: int) -> None:
    cell = Cell(law, size_px)
    rows = true_rows(cell, start=0, stop=20)
    true = rows.with_pixels(render(rows, canvas=canvas(cell)))
    assert (disagreement(true, condition_frames=3).score < 1).all()
    wrong = corrupted(rows, corrupt=hang, cell=cell)  # some of them beyond the horizon, where nothing is asked
    assert wrong is not None
    assert (disagreement(wrong, condition_frames=3).score > 1).mean() > (0.7 if size_px == 128 else 0.25)


def test_finer_frames_see_further() -> None:
    horizons = []
    for size_px in (32, 256):
        cell = Cell("collision", size_px)
        rows = true_rows(cell, start=0, stop=10)
        horizons.append(disagreement(rows.with_pixels(render(rows, canvas=canvas(cell))), condition_frames=3).horizon)
    assert (horizons[0] > 5).all(), "a pixel's part of doubt is not chaos"
    assert all(len(horizon) == 10 for horizon in horizons)


def test_a_roll_out_from_the_first_frame_is_the_scenes_own_future() -> None:
    """The same Box2D from the same state: equal until contacts amplify the row's single precision."""
    rows = true_rows(Cell("phyre", 128), start=0, stop=6)
    for row in range(len(rows)):
        path = rollout(rows.body[row], start=rows.state[row, 0].astype(np.float64), time_s=rows.time_s[row])
        apart = np.linalg.norm(path[:4, :, :2] - rows.state[row, :4, :, :2], axis=-1)
        assert apart.max() < 0.01 * WORLD_M / 10
        np.testing.assert_array_equal(path[0], rows.state[row, 0].astype(np.float64))


def test_phyre_is_asked_no_further_than_it_can_be_known() -> None:
    cell = Cell("phyre", 128)
    rows = true_rows(cell, start=0, stop=4)
    found = disagreement(rows.with_pixels(render(rows, canvas=canvas(cell))), condition_frames=1, members=6)
    assert (found.horizon >= 2).all()
    assert (found.horizon < rows.state.shape[1]).any()
    assert (found.score < 2).all()
