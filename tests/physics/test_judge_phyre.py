"""The automatic judge on PHYRE scenes: bodies are found without being told where, and what is wrong is abnormal."""

import numpy as np
import pytest

from physscale.evaluate.abnormal.phyre import GRAVITY_TIMES_PX
from physscale.evaluate.abnormal.solids import MASS, distance_to, solids
from physscale.evaluate.abnormal.track import track
from physscale.evaluate.abnormal.verdict import judge
from physscale.records.scene import WORLD_M
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.calibrate_judge import ALL_WRONG, Cell, canvas, corrupted, true_rows
from physscale.simulate.phyre.masks import masks

CELL = Cell("phyre", 128)
ROWS = 6


@pytest.fixture(scope="module")
def videos() -> Videos:
    rows = true_rows(CELL, start=5000, stop=5000 + ROWS)
    return rows.with_pixels(render(rows, canvas=canvas(CELL)))


def test_distances_are_negative_where_the_masks_are_set(videos: Videos) -> None:
    row, size = videos.take(slice(0, 4)), 96
    covered = masks(row.take(slice(0, 4)), size_px=size)[:, 0]
    for number in range(len(row)):
        shapes = solids(row.body[number], px_m=WORLD_M / size)
        for body in np.flatnonzero(shapes.area_m2 > 0):
            places = np.argwhere(covered[number, body])
            pose = row.state[number, 0, body, :3].astype(np.float64)
            for up, col in places[:: max(len(places) // 40, 1)]:
                x, y = (col + 0.5) * WORLD_M / size, WORLD_M - (up + 0.5) * WORLD_M / size
                assert distance_to(x, y, pose, shapes.radius_m[body], shapes.edges[body]) <= 1e-6


def test_bodies_are_found_without_the_simulators_hint(videos: Videos) -> None:
    """Nine of ten poses within 2 px, told the first frame alone."""
    assert videos.pixels is not None
    errors = []
    for row in range(ROWS):
        shapes = solids(videos.body[row], px_m=WORLD_M / CELL.size_px)
        moving = (videos.body[row, :, MASS] > 0) & (shapes.area_m2 > 0)
        first = np.repeat(videos.state[row, :1, :, :3].astype(np.float64), 32, axis=0)
        red = moving & (np.arange(len(moving)) == len(moving) - 1)
        fall = GRAVITY_TIMES_PX / 512 / 9
        found = track(videos.pixels[row], shapes=shapes, hint=first, moving=moving, red=red, fall_m=fall)
        errors.append(np.linalg.norm(found.pose[:, moving, :2] - videos.state[row][:, moving, :2], axis=-1).ravel())
        assert found.unexplained_m2.max() < 0.5
    assert np.quantile(np.concatenate(errors), 0.9) < 2 * WORLD_M / CELL.size_px


def test_true_videos_are_normal(videos: Videos) -> None:
    verdicts = judge(videos)
    assert verdicts.abnormal.sum() <= 1, {rule: flags.sum() for rule, flags in verdicts.fired.items() if flags.any()}


@pytest.mark.parametrize("kind", ["vanish", "deform", "swap", "twin", "fade"])
def test_what_is_wrong_is_abnormal(videos: Videos, kind: str) -> None:
    wrong = corrupted(videos, corrupt=ALL_WRONG[kind], cell=CELL)
    assert wrong is not None
    assert judge(wrong).abnormal.mean() >= 0.8
