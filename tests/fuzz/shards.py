"""A file of videos: states, frames as they are, frames as packed blobs."""

import tempfile
from pathlib import Path

import numpy as np

from physscale.dataset.file import write_videos
from physscale.dataset.frames import write_frames
from physscale.dataset.source import read_whole
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.tiny import UNIFORM


def seeds() -> list[bytes]:
    videos = simulate(DataSpec(scenario=UNIFORM, videos=2, frames=2), indices=np.arange(2))
    drawn = videos.with_pixels(render(videos, canvas=Canvas(size_px=16)))
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / kind for kind in ("states", "pixels", "rgb", "palette")]
        write_videos(files[0], videos)
        write_videos(files[1], drawn, run="a" * 64)
        write_frames(files[2], drawn, encoding="rgb")
        write_frames(files[3], drawn, encoding="palette")
        return [file.read_bytes() for file in files]


def read(data: bytes, folder: Path) -> None:
    file = folder / "a.arrow"
    file.write_bytes(data)
    read_whole(file)
