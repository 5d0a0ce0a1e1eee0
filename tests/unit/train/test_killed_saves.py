"""`kill -9` at random moments of trainings that save at every step: they go on bit for bit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT


def killed(root: Path, *, world: int, kills: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, "-W", "error", "-m", "tests.unit.train.killed_saves", str(root)]
    ended = subprocess.run(
        [*command, str(world), str(kills), str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ended.returncode, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.parametrize(
    ("world", "kills"),
    [
        (1, 5),
        pytest.param(1, 50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
        pytest.param(2, 50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
        pytest.param(4, 10, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_killed_while_it_saves_it_goes_on_bit_for_bit(
    tmp_path: Path, world: int, kills: int
) -> None:
    told = killed(tmp_path, world=world, kills=kills, seed=world)
    assert told["kills"] == kills
    assert not told["differing"]
    assert told["while_writing"] >= kills // 5
