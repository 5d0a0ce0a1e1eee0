"""A training struck at the fault points of its saves goes on bit for bit. `make chaos` strikes
often."""

import json
import subprocess
import sys
from pathlib import Path

from physscale.records import fault
from tests.paths import ROOT


def test_struck_by_kills_it_goes_on_bit_for_bit(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.unit.train.struck_saves"]
    ended = subprocess.run(
        [*command, str(tmp_path), "8", "0", "kill"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ended.returncode, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["strikes"], told["wrong"], told["tracebacks"]) == (8, [], []), told


def test_nothing_but_a_test_arms_a_point() -> None:
    assert fault._strike is None
    callers = [
        file
        for room in ("physscale", "analysis", "experiments")
        for file in (ROOT / room).rglob("*.py")
        if "arm(" in file.read_text() and file.name != "fault.py"
    ]
    assert not [file for file in callers if "fault" in file.read_text()]
