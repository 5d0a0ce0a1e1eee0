"""Frames are written and read some bytes at a time, which changes no bit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.file import digest, open_videos, with_frames, write_videos
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec


def make(indices: np.ndarray) -> Videos:
    return simulate(DataSpec(scenario=Collision(), videos=100), indices=indices)


@pytest.mark.parametrize("rows", [1, 7, 16, 64, 1000])
def test_no_size_of_the_parts_changes_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Nor one that is asked for alone; and no part has more rows than fit."""
    videos = with_frames(make(np.arange(20)), canvas=Canvas(size_px=16))
    monkeypatch.setattr("physscale.dataset.file.BATCH_BYTES", rows * 14_000)
    write_videos(tmp_path / "a.arrow", videos)
    file = open_videos(tmp_path / "a.arrow")
    parts = list(file.parts())
    assert max(len(part) for part in parts) == min(rows, 20)
    assert digest(Videos.concat(parts)) == digest(videos)
    chosen = np.array([19, 0, 7, 7])
    assert digest(file.take(chosen)) == digest(videos.take(chosen))


def test_a_file_written_in_one_piece_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before there were parts."""
    videos = with_frames(make(np.arange(20)), canvas=Canvas(size_px=16))
    write_videos(tmp_path / "a.arrow", videos)
    monkeypatch.setattr("physscale.dataset.file.BATCH_BYTES", 7 * 14_000)
    parts = list(open_videos(tmp_path / "a.arrow").parts())
    assert [len(part) for part in parts] == [7, 7, 6]
    assert digest(Videos.concat(parts)) == digest(videos)


@pytest.mark.slow
def test_frames_of_more_than_two_gigabytes_are_written_and_read(tmp_path: Path) -> None:
    """Arrow writes no batch of 2^31 numbers. The frames are zeros, which take no memory."""
    videos = make(np.arange(45))
    videos = videos.with_pixels(np.zeros((45, 16, 1024, 1024, 3), np.uint8))
    assert videos.pixels is not None
    assert videos.pixels.nbytes > 2**31
    write_videos(tmp_path / "a.arrow", videos)
    parts = open_videos(tmp_path / "a.arrow").parts()
    assert sum(len(part) for part in parts) == 45


MEASURED = """
import resource, sys
from physscale.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert ended.code == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "evaluate", "detect"])
def test_memory_does_not_follow_the_rows(tmp_path: Path, command: str) -> None:
    """1.0 GB of frames in one shard, of which a part is in memory: less than half of them, with the
    200 MB that every command takes."""
    words = [sys.executable, "-m", "physscale", "simulate", "uniform", "--videos", "640"]
    subprocess.run([*words, "--frames", "32", "--size", "128", "--out", str(tmp_path)], check=True)
    measured = subprocess.run(
        [sys.executable, "-c", MEASURED, command, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(measured.stdout.split()[-1]) < 650
