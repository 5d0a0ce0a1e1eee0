"""Folders that cannot be written: each command says so in one line, and leaves nothing behind."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.command import begin, ended
from tests.chaos.conftest import Figures

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
MORTAL = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
"""Root, who otherwise may write everywhere, is bound by permissions."""

COMMANDS = {
    "run": "physscale run struck --backend plain --results {place}",
    "encode": "physscale encode struck --results {place}",
    "tune": "physscale tune struck --trials 2 --results {place}",
    "simulate": "physscale simulate uniform --videos 10 --out {place}/data",
    "calibrate": "physscale calibrate-detector --thresholds {place}/thresholds.json",
}
SHOW_PROGRESS = ("encode", "simulate")
"""They say how far they are, on one line of its own."""


def in_the_way(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "results"


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop"


def dangling(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "nowhere" / "at" / "all")
    return folder / "link"


def long_name(folder: Path) -> Path:
    return folder / ("x" * 256)


def read_only(folder: Path) -> Path:
    (folder / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder / "disk")]
    if refused := subprocess.run(mount, capture_output=True, text=True, check=False).stderr:
        pytest.skip(f"no disk of our own: {refused.strip()}")
    return folder / "disk"


def forbidden(folder: Path) -> Path:
    (folder / "closed").mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    return folder / "closed" / "results"


PLACES: dict[str, Callable[[Path], Path]] = {
    "a file in the way": in_the_way,
    "a loop of links": loop,
    "a link to nowhere": dangling,
    "a name of 256 letters": long_name,
    "read-only": read_only,
    "no permission": forbidden,
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    subprocess.run(["umount", "-lq", f"{tmp_path}/disk"], capture_output=True, check=False)


@pytest.mark.parametrize("hostile", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_said_in_one_line_and_nothing_is_left(
    command: str, hostile: str, folder: Path, figures: Figures
) -> None:
    place = PLACES[hostile](folder)
    words = [word.format(place=place) for word in COMMANDS[command].split()]
    process = begin(words, folder=folder, prefix=MORTAL if os.geteuid() == 0 else [])
    before = sorted(folder.rglob("*"))
    code, said = ended(process)
    figures.count("hostile folder", injected=1)
    after = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in str(path)]
    *before_it, last = said.splitlines()
    assert code == 2, said
    assert last.startswith("physscale: "), said
    assert "Traceback" not in said
    assert len(before_it) <= (command in SHOW_PROGRESS), said
    assert after == before
