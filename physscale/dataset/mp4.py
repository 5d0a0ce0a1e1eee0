"""Frames as H.264 files that browsers and W&B play, and the frames of mp4 files that others
made."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from physscale.records.errors import DamagedData
from physscale.records.store import write_atomic

LARGEST_SIDE = 4096
LARGEST_BYTES = 1 << 30
"""Of one file's frames in memory: black frames of a gigabyte are a file of kilobytes."""


def write_mp4(
    path: Path, frames: UInt8[np.ndarray, "frames height width 3"], *, frames_per_s: int
) -> None:
    """Writes RGB frames; odd sizes lose their last row or column (H.264 with 4:2:0 chroma wants
    even ones)."""
    write_atomic(path, mp4_bytes(frames, frames_per_s=frames_per_s))


def mp4_bytes(
    frames: UInt8[np.ndarray, "frames height width 3"],
    *,
    frames_per_s: int,
    crf: int = 18,
    preset: str = "veryfast",
) -> bytes:
    """The same as bytes. `crf` is H.264's loss (0 none, 18 hardly visible, 23 default), and
    `preset` its encoding effort."""
    height, width = frames.shape[1] // 2 * 2, frames.shape[2] // 2 * 2
    return _encoded(
        frames[:, :height, :width],
        frames_per_s=frames_per_s,
        codec="libx264",
        format="yuv420p",
        options={"crf": str(crf), "preset": preset},
    )


def exact_mp4_bytes(
    frames: UInt8[np.ndarray, "frames height width 3"], *, frames_per_s: int
) -> bytes:
    """A lossless mp4 file: H.264 in RGB, which our reader and OpenCV play, but not every
    browser."""
    options = {"qp": "0", "preset": "veryfast"}
    return _encoded(
        frames, frames_per_s=frames_per_s, codec="libx264rgb", format="rgb24", options=options
    )


def _encoded(
    frames: np.ndarray, *, frames_per_s: int, codec: str, format: str, options: dict[str, str]
) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=frames_per_s, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = format
        for frame in np.ascontiguousarray(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def mp4_frames(data: bytes) -> UInt8[np.ndarray, "frames height width 3"]:
    """All frames of an mp4 file as a player shows them, RGB: turned if the file says so.

    Raises:
        DamagedData: if it is not an mp4 file, or one of frames too large, too many or of several
            sizes.
    """
    try:
        with av.open(io.BytesIO(data), metadata_errors="replace") as container:
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise DamagedData("an mp4 file of a codec that FFmpeg does not know")
            stream.codec_context.options = {"max_pixels": str(LARGEST_SIDE**2)}
            _check_size(stream.width, stream.height)
            frames = list(_turned(container.decode(stream)))
    except (av.FFmpegError, IndexError) as error:
        raise DamagedData(f"not a readable mp4 file ({type(error).__name__})") from error
    if not frames:
        raise DamagedData("an mp4 file without a frame")
    return np.stack(frames)


def _turned(decoded: Iterable[av.VideoFrame]) -> Iterator[np.ndarray]:
    """Frames as they are shown, as long as they are of one size and fit into memory."""
    left, shape = LARGEST_BYTES, None
    for frame in decoded:
        _check_size(frame.width, frame.height)
        shown = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
        left -= shown.nbytes
        if left < 0:
            raise DamagedData(f"an mp4 file of more than {LARGEST_BYTES:,} bytes of frames")
        if shape not in (None, shown.shape):
            raise DamagedData("an mp4 file whose frames are of several sizes")
        shape = shown.shape
        yield shown


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise DamagedData(
            f"an mp4 file of frames of {width} x {height} pixels; {LARGEST_SIDE} are taken"
        )
