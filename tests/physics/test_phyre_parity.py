"""The templates on PyPI's `box2d` against the real PHYRE: the same motion until an impact rounds
differently."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physscale.records.video import Videos
from physscale.simulate.phyre import replica
from physscale.simulate.phyre.exchange import Task
from physscale.simulate.phyre.recipes import setting
from physscale.simulate.phyre.red_ball import red_ball
from physscale.simulate.phyre.scenario import Phyre, phyre_data
from physscale.simulate.phyre.templates import SIX, TEMPLATES
from physscale.simulate.phyre.worker import PhyreWorker
from physscale.simulate.simulate import simulate
from tests.physics.phyre_cases import overlap_px, phyre_python

STEPS, SIZE_PX = 640, 256


@pytest.fixture(scope="module")
def python() -> Path:
    return phyre_python()


def cases(numbers: Iterable[int], *, nudged: bool = False) -> list[Task]:
    """Scenes of these numbers of all 70 templates, trial 0, whatever stands in whatever at the
    start; 640 steps of each."""
    scenes = [
        setting(template, number=number, size_px=SIZE_PX)
        for template in TEMPLATES
        for number in numbers
    ]
    balls = [red_ball(scene, trial=0) for scene in scenes]
    if nudged:
        balls = [
            replace(ball, x_px=float(np.nextafter(np.float32(ball.x_px), np.float32(np.inf))))
            for ball in balls
        ]
    return [
        Task(setting=scene, ball=ball, frames=STEPS, stride=1, want=())
        for scene, ball in zip(scenes, balls, strict=True)
    ]


def real_errors_px(tasks: list[Task], *, python: Path) -> np.ndarray:
    """The replica's largest distance from the real thing, over all bodies and steps of a scene."""
    errors = []
    with PhyreWorker(size_px=SIZE_PX, python=python) as worker:
        for answer in worker.run(tasks):
            ours = replica.simulate(
                answer.task.setting, ball=answer.task.ball, frames=STEPS, stride=1
            )
            errors.append(apart_px(ours.pose, answer.pose))
    return np.array(errors)


def apart_px(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.hypot(*np.moveaxis(one[..., :2] - other[..., :2], -1, 0)).max())


@pytest.fixture(scope="module")
def errors_px(python: Path) -> np.ndarray:
    """Scenes by rule, not by result: the first two of each template. Three pairs tried gave .89,
    .86 and .82 below 0.1 px."""
    return real_errors_px(cases((0, 1)), python=python)


def test_the_median_scene_agrees_to_a_hundredth_of_a_pixel_over_640_steps(
    errors_px: np.ndarray,
) -> None:
    assert len(errors_px) == 2 * len(TEMPLATES)
    assert np.median(errors_px) < 0.01


def test_four_of_five_scenes_agree_to_a_tenth_of_a_pixel(errors_px: np.ndarray) -> None:
    """Of all scenes: those whose bodies start inside each other, too."""
    assert (errors_px < 0.1).mean() >= 0.8


@pytest.mark.slow
def test_parity_holds_over_fourteen_hundred_scenes(python: Path) -> None:
    errors = real_errors_px(cases(range(20)), python=python)
    print(
        f"median {np.median(errors):.4f} px; < 0.1 px {(errors < 0.1).mean():.3f}; < 1 px "
        f"{(errors < 1).mean():.3f}"
    )
    assert np.median(errors) < 0.01
    assert (errors < 0.1).mean() >= 0.8


@pytest.mark.slow
def test_what_remains_is_chaos(python: Path) -> None:
    """The real PHYRE against itself with the red ball moved by the last bit of its place: that
    alone separates one scene in fourteen."""
    numbers = range(10)
    with PhyreWorker(size_px=SIZE_PX, python=python) as worker:
        plain = [answer.pose for answer in worker.run(cases(numbers))]
        moved = [
            apart_px(answer.pose, pose)
            for answer, pose in zip(worker.run(cases(numbers, nudged=True)), plain, strict=True)
        ]
    parted = np.array(moved) >= 0.1
    print(f"one last bit parts {parted.mean():.3f} of {len(parted)} scenes by 0.1 px")
    assert 0.05 < parted.mean() < 0.2


def test_rows_of_both_engines_are_the_same_data_set(python: Path) -> None:
    """Bodies, templates and clock alike; the states agree where neither chaos nor a contact has
    come between: in the first frame."""
    assert python.exists()
    scenario = Phyre(templates=SIX, scene_px=SIZE_PX)
    ours, real = (
        simulate(phyre_data(scenario, videos=24, engine=engine), indices=np.arange(24))
        for engine in ("box2d", "phyre")
    )
    np.testing.assert_array_equal(ours.body, real.body)
    np.testing.assert_array_equal(ours.template, real.template)
    np.testing.assert_allclose(ours.time_s[0, :3], [1 / 60, 21 / 60, 41 / 60], rtol=1e-6)
    assert ours.state.shape == real.state.shape == (24, 32, 14, 6)
    calm = [row for row in range(24) if overlap_px(scenario.case(row).setting) < 0]
    assert len(calm) > 4
    np.testing.assert_allclose(ours.state[calm, 0, :, :3], real.state[calm, 0, :, :3], atol=2e-5)
    np.testing.assert_allclose(
        ours.state[:, 0, -1, 3:5],
        real.state[:, 0, -1, 3:5],
        atol=2e-3,
        err_msg="the red ball starts free",
    )
    again = Videos.from_arrow(real.to_arrow())
    np.testing.assert_array_equal(again.state, real.state)


def test_a_row_depends_on_its_number_alone(python: Path) -> None:
    assert python.exists()
    data = phyre_data(Phyre(templates=SIX, scene_px=SIZE_PX), videos=40, engine="phyre")
    order = np.array([17, 3, 30])
    np.testing.assert_array_equal(
        simulate(data, indices=order).state[1], simulate(data, indices=np.arange(2, 5)).state[1]
    )
