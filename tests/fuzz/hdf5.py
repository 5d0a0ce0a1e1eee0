"""Published HDF5 files: one ball, two balls, PHYRE's features."""

import tempfile
from pathlib import Path

import h5py
import numpy as np

from physscale.dataset.hdf5_write import write_published
from physscale.dataset.mp4 import mp4_bytes
from physscale.dataset.source import read_whole
from physscale.simulate.simulate import simulate
from tests.paper_videos import paper_data


def seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as name:
        files = []
        for law in ("uniform", "collision"):
            videos = simulate(paper_data(law, part="eval"), indices=np.arange(1))
            files.append(Path(name) / law)
            white = np.full((1, 32, 16, 16, 3), 255, np.uint8)
            write_published(files[-1], videos.with_pixels(white))
        files.append(Path(name) / "phyre")
        clip = mp4_bytes(np.full((2, 16, 16, 3), 255, np.uint8), frames_per_s=10)
        with h5py.File(files[-1], "w") as file:
            clips = file.create_dataset("video_streams", 1, dtype=h5py.vlen_dtype(np.uint8))
            clips[0] = np.frombuffer(clip, np.uint8)
            file["object_streams"] = np.full((1, 2, 1, 14), 0.5, np.float32)
        return [file.read_bytes() for file in files]


def read(data: bytes, folder: Path) -> None:
    file = folder / "a.hdf5"
    file.write_bytes(data)
    read_whole(file)
