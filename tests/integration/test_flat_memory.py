"""Memory does not follow the number of videos: each command on few and on many."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from physscale.dataset import file
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from tests.paths import ROOT
from tests.tiny import tiny_run

FEW, MANY, SIZE_PX = 40, 240, 128
BATCH_BYTES = 1 << 23
"""Of ten videos, so that the fewer fill several of the batches that are written and read at a
time."""

GROWTH_MB = 60
"""The frames of the others take 157 MB as bytes, and several times that as anything else."""

MEASURED = f"""
import re, sys
from pathlib import Path
from physscale.cli.main import main
from physscale.dataset import file
file.BATCH_BYTES = {BATCH_BYTES}
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
    "probe": ("probe", "{samples}", "--trained", "{set}"),
    "evaluate a study": ("evaluate", "{study}"),
    "probe a study": ("probe", "{study}"),
}


def peak_mb(words: tuple[str, ...], *, data: Path) -> float:
    study = Path(f"{data}_study")
    (samples,) = study.glob("runs/*/samples/*")
    return called([word.format(set=data, study=study, samples=samples) for word in words])


def called(command: list[str]) -> float:
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    said, _, peak = ran.stderr.rpartition("peak")
    assert ran.returncode == 0, said
    return int(peak) / 1e3


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    found = {}
    for videos in (FEW, MANY):
        found[videos] = tmp_path_factory.mktemp("sets") / str(videos)
        words = ["simulate", "uniform", "--videos", str(videos), "--size", str(SIZE_PX)]
        called([*words, "--out", str(found[videos])])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(file, "BATCH_BYTES", BATCH_BYTES)
            study(Path(f"{found[videos]}_study"), videos=videos)
    return found


def study(root: Path, *, videos: int) -> None:
    """One run that was tested on so many videos."""
    tiny = replace(tiny_run(steps=2), canvas=Canvas(size_px=SIZE_PX))
    split = replace(tiny.test_splits[0], data=replace(tiny.test_splits[0].data, videos=videos))
    execute(replace(tiny, test_splits=(split,)), store=Store(root), context=PlainContext())


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_memory_is_that_of_a_few_videos(name: str, sets: dict[int, Path]) -> None:
    few, many = (peak_mb(COMMANDS[name], data=sets[videos]) for videos in (FEW, MANY))
    assert many < few + GROWTH_MB, f"{name}: {few:.0f} MB with {FEW} videos, {many:.0f} with {MANY}"
