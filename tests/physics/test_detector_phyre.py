"""The detector on PHYRE scenes: bodies are found without being told where, and what is wrong
is abnormal."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.dataset.file import with_frames
from physscale.evaluate.abnormal.detector import detect
from physscale.evaluate.abnormal.phyre import tracks_of
from physscale.evaluate.abnormal.solids import distance_to, solids
from physscale.evaluate.calibration.known_videos import (
    ALL_WRONG,
    Cell,
    another_future,
    canvas,
    corrupted,
    noisy,
    true_rows,
)
from physscale.records.scene import WORLD_M
from physscale.records.video import Videos
from tests.phyre_masks import masks

CELL = Cell("phyre", 128)
ROWS = 6
PUSHED_APART, JAR_ROUND_A_BAR, CUT_BY_THE_EDGE = 2270, 1716, 1159
"""True rows: sticks that start inside bars and jump up by a metre; a jar whose middle crosses a
bar; a jar half above the view."""


@pytest.fixture(scope="module")
def videos() -> Videos:
    return with_frames(true_rows(CELL, start=5000, stop=5000 + ROWS), canvas=canvas(CELL))


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
    """Nine of ten poses within a pixel, told the first frame alone."""
    errors = []
    for row, seen in enumerate(tracks_of(videos)):
        moving = np.isfinite(seen.missing[0])
        first = replace(
            videos.take(slice(row, row + 1)),
            state=np.repeat(videos.state[row : row + 1, :1], 32, axis=1),
        )
        found = tracks_of(first)[0]
        errors.append(
            np.linalg.norm(
                found.pose[:, moving, :2] - videos.state[row][:, moving, :2], axis=-1
            ).ravel()
        )
        assert found.unexplained_m2.max() < 0.5
    assert np.quantile(np.concatenate(errors), 0.9) < WORLD_M / CELL.size_px


def test_true_videos_are_normal(videos: Videos) -> None:
    detections = detect(videos)
    assert detections.abnormal.sum() <= 1, {
        rule: flags.sum() for rule, flags in detections.fired.items() if flags.any()
    }


@pytest.mark.parametrize("kind", ["vanish", "deform", "fade", "growth"])
def test_what_is_wrong_is_abnormal(videos: Videos, kind: str) -> None:
    wrong = corrupted(videos.take(slice(0, 2)), corrupt=ALL_WRONG[kind], cell=CELL)
    assert wrong is not None
    assert detect(wrong).abnormal.mean() >= 0.8


def test_a_body_that_stops_in_the_air_is_no_motion_of_the_engine(videos: Videos) -> None:
    wrong = corrupted(videos.take(slice(0, 3)), corrupt=ALL_WRONG["hang"], cell=CELL)
    assert wrong is not None
    assert detect(wrong).fired["replay"].all()


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        (PUSHED_APART, "energy"),
        (JAR_ROUND_A_BAR, "tunnel"),
        (CUT_BY_THE_EDGE, "permanence"),
        (CUT_BY_THE_EDGE, "strength"),
    ],
)
def test_what_is_odd_in_the_first_frame_is_no_fault_later(number: int, rule: str) -> None:
    row = with_frames(true_rows(CELL, start=number, stop=number + 1), canvas=canvas(CELL))
    assert not detect(row).fired[rule].any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        (
            "swap",
            ("replay", "permanence"),
        ),  # a body that is looked for where it was is found in the other's place, or not at all
        ("twin", ("count",)),
        *((kind, ("replay",)) for kind in ("mirror", "slow_motion", "elasticity", "boomerang")),
    ],
)
def test_motion_that_the_engine_does_not_make_is_abnormal(
    videos: Videos, kind: str, rules: tuple[str, ...]
) -> None:
    wrong = corrupted(videos, corrupt=ALL_WRONG[kind], cell=CELL)
    assert wrong is not None
    fired = detect(wrong).fired
    assert np.any([fired[rule] for rule in rules], axis=0).mean() >= 0.8, {
        rule: flags.tolist() for rule, flags in fired.items()
    }


def test_borders_in_the_ink_give_places_below_a_pixel(videos: Videos) -> None:
    """Half of a pixel off at most in nine of ten, under a codec's noise, with hard-edged frames."""
    noised = noisy(videos)
    errors = []
    for row, found in enumerate(tracks_of(noised)):
        moving = np.isfinite(found.missing[0])
        errors.append(
            np.linalg.norm(
                found.pose[1:, moving, :2] - videos.state[row, 1:, moving, :2].swapaxes(0, 1),
                axis=-1,
            ).ravel()
        )
    assert np.quantile(np.concatenate(errors), 0.9) < 0.5 * WORLD_M / CELL.size_px


def test_the_scores_of_a_motion_ask_no_later_truth(videos: Videos) -> None:
    """Another future of the same scene is as plausible, though the row tells another."""
    assert detect(another_future(videos.take(slice(0, 4)), cell=CELL)).fired["replay"].sum() == 0
