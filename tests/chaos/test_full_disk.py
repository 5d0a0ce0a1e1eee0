"""A real disk (a small tmpfs) runs full, gets a little room, runs full again, until a command ends
well. Each time it says so in one line; in the end there is what the undisturbed command leaves."""

import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.command import begin, ended, run_words, struck_store
from tests.chaos.conftest import Figures
from tests.chaos.struck_drivers import seen

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]
COMMANDS = {
    "run": run_words(Path("disk")),
    "run by Ray": run_words(Path("disk"), backend="ray"),
    "simulate": ["physscale", "simulate", "uniform", "--videos", "3000", "--out", "disk/data"],
    "report": ["analysis", "report", "disk/struck"],
}


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(place)]
    if refused := subprocess.run(mount, capture_output=True, text=True, check=False).stderr:
        pytest.skip(f"no disk of our own: {refused.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def resize(disk: Path, *, kib: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kib}k", str(disk)], check=True)


def left(results: Path, *, command: str) -> object:
    """What the command was run for."""
    if command.startswith("run"):
        return seen(struck_store(results))
    files = [file for file in written(results, command=command).rglob("*") if file.is_file()]
    return {file.relative_to(results): file.read_bytes() for file in files}


def written(results: Path, *, command: str) -> Path:
    return results / {"simulate": "data", "report": "struck/report"}.get(command, "struck")


def used_kib(folder: Path) -> int:
    return sum(-(-file.stat().st_size // 4096) * 4 for file in folder.rglob("*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each command leaves on a disk with room; the report is of the study that ran before."""
    folder = tmp_path_factory.mktemp("whole")
    for command in ("run", "simulate", "report"):
        code, said = ended(begin(COMMANDS[command], folder=folder))
        assert code == 0, said
    return folder / "disk"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_goes_on_when_there_is_room(
    whole: Path, command: str, seed: int, tmp_path: Path, figures: Figures
) -> None:
    chance, disk = random.Random(f"{seed} {command}"), tmp_path / "disk"
    needed, faults = used_kib(written(whole, command=command)), 0
    with small_disk(disk):
        if command == "report":
            shutil.copytree(whole / "struck", disk / "struck")
            shutil.rmtree(disk / "struck" / "report")
        kib = shutil.disk_usage(disk).used // 1024 + chance.randint(4, 4 + needed // 8)
        resize(disk, kib=kib)
        while (found := ended(begin(COMMANDS[command], folder=tmp_path)))[0]:
            code, said = found
            faults += 1
            last = said.splitlines()[-1]
            assert code == 1, (seed, kib, said)
            assert "Traceback" not in said, (seed, kib, said)
            assert f"No space left on device, the disk at {disk}" in last, (seed, kib, said)
            kib += chance.randint(4, 4 + needed // 3)
            resize(disk, kib=kib)
        figures.count(f"full disk: {command}", injected=faults)
        assert faults > 0, (seed, kib)
        equal = left(disk, command=command) == left(whole, command=command)
        assert equal, (seed, kib)
