"""Frames as mp4 files, and the frames of mp4 files that others made."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from physscale.dataset.mp4 import mp4_bytes, mp4_frames, write_mp4
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

DATA = DataSpec(scenario=Collision(), videos=1)


@pytest.mark.parametrize("size", [32, 33])
def test_an_mp4_plays_and_shows_the_frames(tmp_path: Path, size: int) -> None:
    frames = (
        render(simulate(DATA, indices=np.arange(1)), canvas=Canvas(size_px=size))[0]
        .repeat(4, axis=1)
        .repeat(4, axis=2)
    )
    write_mp4(tmp_path / "a.mp4", frames, frames_per_s=10)
    with av.open(tmp_path / "a.mp4") as container:
        decoded = np.stack(
            [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        )
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(int) - frames).mean() < 3


def test_a_turned_mp4_is_read_as_a_player_shows_it() -> None:
    """Its header says: a quarter clockwise."""
    frames = np.zeros((3, 32, 64, 3), np.uint8)
    frames[:, :16, :16] = 255  # top left
    data = bytearray(mp4_bytes(frames, frames_per_s=10))
    matrix = (0, 1 << 16, 0, -(1 << 16), 0, 0, 32 << 16, 0, 1 << 30)
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, *matrix)
    shown = mp4_frames(bytes(data))
    assert shown.shape == (3, 64, 32, 3)
    assert shown[0, :16, 16:].mean() > 200, "top right"
    assert shown[0, 20:].mean() < 50
