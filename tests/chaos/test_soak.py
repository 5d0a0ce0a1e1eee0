"""500 runs in one process: memory, file descriptors, /dev/shm and temporary files stay flat."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]
RUNS, WARM = 500, 50
GROWTH_BYTES = 50e6
OWN_SHARED_MEMORY = 'mount -t tmpfs tmpfs /dev/shm && exec "$@"'


def test_five_hundred_runs_leave_nothing_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    driver = [sys.executable, "-m", "tests.chaos.soak_driver", str(tmp_path / "soak"), str(RUNS)]
    apart = ["unshare", "--mount", "sh", "-c", OWN_SHARED_MEMORY, "sh"]
    if refused := subprocess.run(
        [*apart, "true"], capture_output=True, text=True, check=False
    ).stderr:
        pytest.skip(f"no /dev/shm of our own: {refused.strip()}")
    ended = subprocess.run(
        [*apart, *driver],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ended.returncode, ended.stderr
    held = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(held) == RUNS
    warm, last = held[WARM - 1], held[-1]
    growth = last.pop("rss_bytes") - warm.pop("rss_bytes")
    assert growth <= GROWTH_BYTES, growth
    assert last == warm
