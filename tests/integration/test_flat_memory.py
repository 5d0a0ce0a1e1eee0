"""Memory does not follow the number of videos: each command on few and on many."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

FEW, MANY, SIZE_PX = 100, 300, 128
"""The fewer fill more than one of the batches that are read at a time."""

GROWTH_MB = 60
"""The frames of the others take 157 MB as bytes, and several times that as anything else."""

MEASURED = """
import re, sys
from pathlib import Path
from physscale.cli.main import main
try:
    main(sys.argv[1:])
finally:
    status = Path("/proc/self/status").read_text()
    print("peak", re.search(r"VmHWM:\\s+(\\d+)", status)[1], file=sys.stderr)
"""

COMMANDS = {
    "check": ("check", "{set}"),
    "detect": ("detect", "{set}"),
    "evaluate": ("evaluate", "{set}"),
    "compare-videos": ("compare-videos", "{set}", "{set}"),
}


def peak_mb(words: tuple[str, ...], *, data: Path) -> float:
    command = [word.format(set=data) for word in words]
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(ran.stderr.rsplit("peak", 1)[1]) / 1e3


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    found = {}
    for videos in (FEW, MANY):
        found[videos] = tmp_path_factory.mktemp("sets") / str(videos)
        words = ["simulate", "uniform", "--videos", str(videos), "--size", str(SIZE_PX)]
        subprocess.run(
            [sys.executable, "-m", "physscale", *words, "--out", str(found[videos])],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_memory_is_that_of_a_few_videos(name: str, sets: dict[int, Path]) -> None:
    few, many = (peak_mb(COMMANDS[name], data=sets[videos]) for videos in (FEW, MANY))
    assert many < few + GROWTH_MB, f"{name}: {few:.0f} MB with {FEW} videos, {many:.0f} with {MANY}"
