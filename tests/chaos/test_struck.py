"""Saves and drivers, struck at their fault points by `kill -9` and full disks: what is left equals
the undisturbed work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.conftest import Figures
from tests.paths import ROOT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("module", "strike", "strikes"),
    [
        ("tests.unit.train.struck_saves", "kill", 67),
        ("tests.unit.train.struck_saves", "full disk", 20),
        ("tests.chaos.struck_drivers", "kill", 8),
        ("tests.chaos.struck_drivers", "full disk", 4),
    ],
)
def test_what_is_left_equals_the_undisturbed_work(
    tmp_path: Path, module: str, strike: str, strikes: int, seed: int, figures: Figures
) -> None:
    command = [sys.executable, "-m", module, str(tmp_path), str(strikes), str(seed), strike]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not ended.returncode, ended.stderr
    told = json.loads(ended.stdout)
    name = f"{module.rpartition('.')[2].replace('_', ' ')}: {strike}"
    figures.count(
        name,
        injected=told["strikes"],
        wrong_results=len(told["wrong"]),
        uncaught_tracebacks=len(told["tracebacks"]),
    )
    assert told["strikes"] == strikes
    assert not told["wrong"], (seed, told)
    assert not told["tracebacks"], (seed, told)
