"""The real PHYRE in its own Python: it runs here, its answers agree with our arithmetic, and a bad
child costs one retry and a log line."""

import itertools
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from physscale.records.errors import UserError
from physscale.simulate.phyre import environment
from physscale.simulate.phyre.environment import INTERPRETER_VARIABLE, installed, probed, setup
from physscale.simulate.phyre.exchange import Task, Want, palette_frames
from physscale.simulate.phyre.recipes import setting
from physscale.simulate.phyre.red_ball import red_ball
from physscale.simulate.phyre.rows import BLACK_INDEX, GREY_INDEX, RED_INDEX
from physscale.simulate.phyre.templates import TEMPLATES
from physscale.simulate.phyre.worker import PhyreFailed, PhyreWorker
from tests.physics.phyre_cases import phyre_python

FRAMES, STRIDE = 8, 20
LIARS = Path(__file__).with_name("phyre_liar.py")


@pytest.fixture(scope="module")
def python() -> Path:
    return phyre_python()


@pytest.fixture
def worker(python: Path) -> Iterator[PhyreWorker]:
    with PhyreWorker(size_px=256, python=python) as started:
        yield started


def tasks(count: int, *, want: tuple[Want, ...] = ("images",), size_px: int = 256) -> list[Task]:
    scenes = [
        setting(template, number=0, size_px=size_px)
        for template in itertools.islice(TEMPLATES, count)
    ]
    return [
        Task(setting=scene, ball=red_ball(scene, trial=0), frames=FRAMES, stride=STRIDE, want=want)
        for scene in scenes
    ]


def pids(worker: PhyreWorker) -> list[int]:
    assert worker._child is not None
    return [worker._child.process.pid]


def test_setup_is_idempotent_and_finished(python: Path) -> None:
    mark = python.parents[1] / environment.MARK
    before = mark.stat().st_mtime_ns
    assert setup() == python == installed()
    assert mark.stat().st_mtime_ns == before


def test_every_template_runs_for_its_full_length_with_the_bodies_where_they_belong(
    worker: PhyreWorker,
) -> None:
    """`checked` compares the first places of all bodies with ours to 1e-6 px; the creator's doubles
    are the same bit for bit."""
    asked = tasks(70)
    answers = list(worker.run(asked))
    assert [answer.task for answer in answers] == asked
    assert worker.restarts == 0
    for answer in answers:
        frames = palette_frames(answer)
        assert frames.shape == (FRAMES, 256, 256)
        assert (
            {RED_INDEX, GREY_INDEX}
            <= set(np.unique(frames))
            <= {0, RED_INDEX, GREY_INDEX, BLACK_INDEX}
        )


def test_what_is_asked_for_does_not_change_the_motion(worker: PhyreWorker) -> None:
    scene = tasks(1)[0].setting
    ball = red_ball(scene, trial=0)
    wants: tuple[tuple[Want, ...], ...] = (
        ("images",),
        ("velocities",),
        ("images", "velocities"),
        (),
    )
    answers = list(
        worker.run(
            Task(setting=scene, ball=ball, frames=FRAMES, stride=STRIDE, want=want)
            for want in wants
        )
    )
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer.pose[..., :2], answers[0].pose[..., :2])
        np.testing.assert_allclose(
            np.exp(1j * answer.pose[..., 2]), np.exp(1j * answers[0].pose[..., 2]), atol=1e-5
        )
    assert [answer.velocity is None for answer in answers] == [True, False, False, True]
    assert [answer.palette is None for answer in answers] == [False, True, False, True]


def test_the_red_ball_falls_as_gravity_says(worker: PhyreWorker) -> None:
    """Semi-implicit Euler at 60 Hz, 6 px a metre: after n steps v = -g n h and y = y₀ - g h² n (n +
    1) / 2."""
    scene = setting(10003, number=0, size_px=512)
    ball = red_ball(scene, trial=0)
    with PhyreWorker(size_px=512, python=worker.python) as large:
        task = Task(setting=scene, ball=ball, frames=5, stride=1, want=("velocities",))
        answer = next(large.run([task]))
    assert answer.velocity is not None
    steps = np.arange(1, 6)
    np.testing.assert_allclose(answer.velocity[:, -1, 1], -9.8 * 6 * steps / 60, rtol=2e-3)
    np.testing.assert_allclose(
        answer.pose[:, -1, 1], ball.y_px - 9.8 * 6 / 3600 * steps * (steps + 1) / 2, atol=1e-3
    )


def test_a_killed_child_costs_one_retry_and_a_line(
    worker: PhyreWorker, caplog: pytest.LogCaptureFixture
) -> None:
    answers = worker.run(tasks(8))
    first = next(answers)
    victim = pids(worker)
    os.kill(victim[0], signal.SIGKILL)
    with caplog.at_level(logging.WARNING):
        rest = list(answers)
    assert [answer.task for answer in (first, *rest)] == tasks(8)
    assert pids(worker) != victim
    assert len(caplog.records) == worker.restarts == 1
    assert "the stream" in caplog.text


def test_a_hung_child_costs_one_retry_and_a_line(
    worker: PhyreWorker, caplog: pytest.LogCaptureFixture
) -> None:
    list(worker.run(tasks(1)))
    os.kill(pids(worker)[0], signal.SIGSTOP)
    worker.deadline_s = 8.0
    with caplog.at_level(logging.WARNING):
        answers = list(worker.run(tasks(3)))
    assert [answer.task for answer in answers] == tasks(3)
    assert (worker.restarts, len(caplog.records)) == (1, 1)
    assert "no answer within 8 s" in caplog.text


LIES = {
    "payload": "own digest",
    "request": "another request",
    "start": "start elsewhere",
    "frames": "shapes",
    "form": "foreign form (0 rows",
    "rows": "foreign form (2 rows",
    "garbage": "the stream broke",
    "truncated": "the stream broke",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_child_costs_one_retry_and_a_line(
    lie: str,
    python: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The liar tells one lie in its life, kept in a file, so that the child after it is honest."""
    monkeypatch.setenv("PHYRE_LIE", lie)
    monkeypatch.setenv("PHYRE_LIED", str(tmp_path / "told"))
    with (
        PhyreWorker(size_px=256, python=python, script=LIARS) as worker,
        caplog.at_level(logging.WARNING),
    ):
        answers = list(worker.run(tasks(4)))
        assert [answer.task for answer in answers] == tasks(4)
        assert (worker.restarts, len(caplog.records)) == (1, 1)
    assert LIES[lie] in caplog.text


def test_a_child_that_always_lies_is_reported_with_its_scene(
    python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHYRE_LIE", "payload")
    monkeypatch.setenv("PHYRE_LIED", "")
    with (
        PhyreWorker(size_px=256, python=python, script=LIARS) as worker,
        pytest.raises(PhyreFailed, match=r"template 10000 scene 0: .*own digest"),
    ):
        list(worker.run(tasks(2)))


def test_a_child_that_cannot_start_is_reported_with_its_last_words(
    python: Path, tmp_path: Path
) -> None:
    script = tmp_path / "broken.py"
    script.write_text("import a_module_that_is_not_there\n")
    with (
        PhyreWorker(size_px=256, python=python, script=script) as worker,
        pytest.raises(PhyreFailed, match="No module named 'a_module"),
    ):
        list(worker.run(tasks(1)))


def test_a_caller_that_stops_early_leaves_a_worker_that_works(worker: PhyreWorker) -> None:
    running = worker.run(tasks(6))
    next(running)
    running.close()
    assert [answer.task for answer in worker.run(tasks(2))] == tasks(2)
    assert worker.restarts == 0


def test_an_interpreter_that_does_not_run_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python3.9"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    assert probed(broken) is None
    monkeypatch.setenv(INTERPRETER_VARIABLE, str(broken))
    with pytest.raises(
        UserError,
        match=r"python3\.9: this is no Python 3\.9 or 3\.8 that runs; install Python 3\.9",
    ):
        setup(tmp_path / "environment")


def test_a_folder_with_other_things_in_it_is_left_alone(python: Path, tmp_path: Path) -> None:
    assert python.exists()
    treasure = tmp_path / "thesis.tex"
    treasure.write_text("all of it")
    with pytest.raises(UserError, match="holds something that is no Python environment"):
        setup(tmp_path)
    assert treasure.read_text() == "all of it"


def test_without_any_interpreter_the_message_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(INTERPRETER_VARIABLE, raising=False)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"pyenv install 3\.9"):
        setup(tmp_path / "environment")
    with pytest.raises(UserError, match="physscale phyre setup"):
        installed(tmp_path / "environment")
