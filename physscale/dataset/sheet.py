"""A contact sheet: videos as rows, moments as columns, thin grey lines between. It shows at a
glance what a data set contains."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from physscale.records.store import write_atomic

LINE = 200


def contact_sheet(
    pixels: UInt8[np.ndarray, "videos frames height width 3"], *, columns: int = 8
) -> UInt8[np.ndarray, "height2 width2 3"]:
    """One picture of at most `columns` moments per video, evenly spread from the first to the
    last."""
    chosen = np.unique(np.linspace(0, pixels.shape[1] - 1, columns).round().astype(int))
    framed = np.pad(
        pixels[:, chosen], ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)), constant_values=LINE
    )
    videos, moments, height, width, _ = framed.shape
    return np.ascontiguousarray(
        framed.transpose(0, 2, 1, 3, 4).reshape(videos * height, moments * width, 3)
    )


def side_by_side(
    pixels: UInt8[np.ndarray, "videos frames height width 3"],
) -> UInt8[np.ndarray, "frames height2 width2 3"]:
    """All videos at once in a nearly square grid, for one mp4."""
    across = int(np.ceil(np.sqrt(len(pixels))))
    blank = np.full(
        (across * -(-len(pixels) // across) - len(pixels), *pixels.shape[1:]), 255, np.uint8
    )
    framed = np.pad(
        np.concatenate([pixels, blank]),
        ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)),
        constant_values=LINE,
    )
    _, frames, height, width, _ = framed.shape
    field = framed.reshape(-1, across, frames, height, width, 3).transpose(2, 0, 3, 1, 4, 5)
    return np.ascontiguousarray(field.reshape(frames, -1, across * width, 3))


def write_png(path: Path, picture: UInt8[np.ndarray, "height width 3"]) -> None:
    """Writes one image, completely or not at all."""
    encoder = av.VideoCodecContext.create("png", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1)
    packets = encoder.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
    write_atomic(path, b"".join(bytes(packet) for packet in [*packets, *encoder.encode(None)]))
