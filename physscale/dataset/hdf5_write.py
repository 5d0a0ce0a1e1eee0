"""Rows of one or two balls as a published HDF5 file (`dataset.hdf5` describes the layout).

The authors' mp4 is lossy, H.264 as imageio writes it by default; `coding="exact"` keeps every pixel
in the same layout."""

# mypy: disable-error-code="import-untyped"

from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from jaxtyping import Float

from physscale.dataset.mp4 import exact_mp4_bytes, mp4_bytes
from physscale.records.errors import UserError
from physscale.records.initial import initial_numbers
from physscale.records.scene import Shape
from physscale.records.video import BODY, PLACE, Videos

GROUP_ROWS = 1000

IMAGEIO_CRF = 25
"""imageio's quality 5, its default, for libx264."""


def write_published(
    path: Path,
    videos: Videos,
    *,
    frames_per_s: int = 10,
    coding: Literal["imageio", "exact"] = "imageio",
) -> None:
    """Writes rows of one or two balls (discs first seen at 0.01 s, as `simulate.paper.sets`
    draws them) with their frames as mp4.

    Raises:
        UserError: for rows that this layout cannot hold, or a place that cannot be written.
    """
    bodies = videos.state.shape[2]
    if bodies > 2 or videos.pixels is None:
        raise UserError(
            f"{path}: the published layout holds frames of one or two balls, these rows have "
            f"{bodies} bodies"
        )
    initial = initial_numbers(videos)
    if bodies == 1:
        initial = np.concatenate([initial, _attributes(videos)], axis=1)
    positions = videos.state[..., PLACE].astype(np.float64)
    try:
        with h5py.File(path, "w") as file:
            for group, start in enumerate(range(0, len(videos), GROUP_ROWS)):
                rows = slice(start, start + GROUP_ROWS)
                file[f"position_streams/{group:05d}"] = (
                    positions[rows, :, 0] if bodies == 1 else positions[rows]
                )
                file[f"init_streams/{group:05d}"] = initial[rows]
                pixels = videos.pixels[rows]
                streams = file.create_dataset(
                    f"video_streams/{group:05d}",
                    shape=(len(pixels),),
                    dtype=h5py.vlen_dtype(np.dtype("uint8")),
                )
                for place, frames in enumerate(pixels):
                    streams[place] = np.frombuffer(
                        _mp4(frames, frames_per_s=frames_per_s, coding=coding), np.uint8
                    )
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}") from error


def _mp4(frames: np.ndarray, *, frames_per_s: int, coding: Literal["imageio", "exact"]) -> bytes:
    if coding == "exact":
        return exact_mp4_bytes(frames, frames_per_s=frames_per_s)
    return mp4_bytes(frames, frames_per_s=frames_per_s, crf=IMAGEIO_CRF, preset="medium")


def _attributes(videos: Videos) -> Float[np.ndarray, "rows columns"]:
    """No column, the colour, or colour and shape: what the set needs."""
    blue = (videos.body[:, 0, BODY.index("blue")] > 127).astype(np.float64)
    square = (videos.body[:, 0, BODY.index("shape")] == Shape.BOX).astype(np.float64)
    columns = 2 if square.any() else int(blue.any())
    return np.stack([blue, square], axis=1)[:, :columns]
