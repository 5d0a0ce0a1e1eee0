"""The masks that follow from a row's states are what the real PHYRE paints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.phyre.exchange import Task, palette_frames
from physscale.simulate.phyre.rows import BLACK_INDEX, GREY_INDEX, PALETTE, RED_INDEX, WHITE_INDEX
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.phyre.simulate import CLOCK
from physscale.simulate.phyre.templates import SIX, TEMPLATES
from physscale.simulate.phyre.worker import PhyreWorker
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.phyre_masks import masks
from tests.physics.phyre_cases import phyre_python

FRAMES, SIZE_PX, ROWS = 4, 256, 12
SCENARIO = Phyre(templates=SIX, scene_px=SIZE_PX)


@pytest.fixture(scope="module")
def python() -> Path:
    return phyre_python()


@pytest.fixture(scope="module")
def rows(python: Path) -> Videos:
    assert python.exists()
    data = DataSpec(
        scenario=SCENARIO,
        videos=ROWS,
        frames=FRAMES,
        interval_s=CLOCK.interval_s,
        start_s=CLOCK.start_s,
        engine="phyre",
    )
    return simulate(data, indices=np.arange(ROWS))


def test_masks_painted_in_their_colours_are_phyres_frames(rows: Videos, python: Path) -> None:
    """All pixels but 0.3 %, which lie on borders: PHYRE rounds those its own way."""
    index_of = {PALETTE[index]: index for index in (RED_INDEX, GREY_INDEX, BLACK_INDEX)}
    covered = masks(rows, size_px=SIZE_PX)
    assert covered.sum(2).max() == 1, "a pixel belongs to one body at most"
    with PhyreWorker(size_px=SIZE_PX, python=python) as worker:
        cases = [SCENARIO.case(row) for row in range(ROWS)]
        answers = worker.run(
            Task(setting=case.setting, ball=case.ball, frames=FRAMES) for case in cases
        )
        frames = np.stack([palette_frames(answer) for answer in answers])
    painted = np.full(frames.shape, WHITE_INDEX, np.uint8)
    for row, body in np.argwhere(rows.body[:, :, -1] >= 0):
        painted[row][covered[row, :, body]] = index_of[
            tuple(rows.body[row, body, 5:8].astype(int).tolist())
        ]
    wrong = (painted != frames).mean((1, 2, 3))
    assert wrong.max() < 0.003
    assert (frames != WHITE_INDEX).mean() > 10 * wrong.mean()


def test_a_place_without_a_body_covers_nothing(rows: Videos) -> None:
    covered = masks(rows, size_px=64)
    empty = rows.body[:, :, -1] < 0
    assert empty.any()
    assert not covered.any((1, 3, 4))[empty].any()


def test_our_hard_frames_are_phyres(python: Path) -> None:
    """Intersection over union of each colour, and of each body's visible part with its own colour;
    soft frames agree where ink is solid."""
    chosen = tuple(TEMPLATES)[::4]
    scenario, count = Phyre(templates=chosen, scene_px=SIZE_PX), len(chosen)
    data = DataSpec(
        scenario=scenario,
        videos=count,
        frames=FRAMES,
        interval_s=CLOCK.interval_s,
        start_s=CLOCK.start_s,
        engine="phyre",
    )
    videos = simulate(data, indices=np.arange(count))
    with PhyreWorker(size_px=SIZE_PX, python=python) as worker:
        cases = [scenario.case(row) for row in range(count)]
        answers = worker.run(
            Task(setting=case.setting, ball=case.ball, frames=FRAMES) for case in cases
        )
        theirs = np.array(PALETTE, np.uint8)[
            np.stack([palette_frames(answer) for answer in answers])
        ]
    ours = render(videos, canvas=Canvas(size_px=SIZE_PX, style="hard"))
    for index in (RED_INDEX, GREY_INDEX, BLACK_INDEX):
        one, other = (
            (frames == np.array(PALETTE[index], np.uint8)).all(-1) for frames in (ours, theirs)
        )
        assert (one & other).sum() / (one | other).sum() > 0.999
    last = replace(videos, state=videos.state[:, -1:], time_s=videos.time_s[:, -1:])
    covered = masks(last, size_px=SIZE_PX)[:, 0]
    for row, body in np.argwhere(videos.body[:, :, -1] >= 0):
        visible = covered[row, body]
        agree = (theirs[row, -1] == videos.body[row, body, 5:8].astype(np.uint8)).all(-1)
        assert agree[visible].sum() >= 0.97 * visible.sum(), f"row {row} body {body}"
    soft = render(videos, canvas=Canvas(size_px=SIZE_PX))
    solid = np.isin(soft.astype(int) @ [1, 256, 65536], np.array(PALETTE) @ [1, 256, 65536])
    assert solid.mean() > 0.95
    assert (soft[solid] != theirs[solid]).any(-1).mean() < 1e-5
