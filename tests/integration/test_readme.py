"""The Python that the README, the tutorial and the how-to of own videos tell a newcomer to type
runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.documents import blocks
from tests.paths import ROOT


def test_the_study_of_the_tutorial_is_a_study(tmp_path: Path) -> None:
    (source,) = blocks(ROOT / "docs" / "tutorial.md", language="python")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    (tmp_path / "experiments" / "mine.py").write_text(source)
    command = [sys.executable, "-m", "experiments.mine", "--dry-run", "--budget", "1e12"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"--budget 1e\+12: .* of 32 runs", done.stdout)


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    (source,) = blocks(ROOT / "README.md", language="python")
    assert len(source.splitlines()) <= 12
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_frames_are_put_into_true_rows_as_the_how_to_says(tmp_path: Path) -> None:
    (source,) = blocks(ROOT / "docs" / "how-to" / "own-videos.md", language="python")
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, "-m", "physscale"]
    data = ["uniform_speed_high", "--videos", "4", "--size", "32", "--out", "data/speed_high"]
    for command in (
        [*program, "simulate", *data],
        [sys.executable, "-c", source],
        [*program, "evaluate", "samples.arrow", "--json"],
    ):
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
    scores = {line["metric"]: line["value"] for line in json.loads(done.stdout)["scores"]}
    assert scores["velocity_error"] > 4, "a ball that stands still is wrong by its whole speed"
