"""mp4 files of others: H.264 as we write it, without loss, and turned by a quarter."""

from pathlib import Path

import numpy as np

from physscale.dataset.mp4 import exact_mp4_bytes, mp4_bytes, mp4_frames

IDENTITY = b"\0\1\0\0" + b"\0" * 12 + b"\0\1\0\0" + b"\0" * 12 + b"\x40\0\0\0"
QUARTER = b"\0" * 4 + b"\0\1\0\0" + b"\0" * 4 + b"\xff\xff\0\0" + b"\0" * 16 + b"\x40\0\0\0"


def seeds() -> list[bytes]:
    ramp = np.arange(3 * 16 * 16 * 3, dtype=np.uint8).reshape(3, 16, 16, 3)
    plain = mp4_bytes(ramp, frames_per_s=10)
    assert IDENTITY in plain
    return [plain, exact_mp4_bytes(ramp, frames_per_s=10), plain.replace(IDENTITY, QUARTER)]


def read(data: bytes, folder: Path) -> None:
    mp4_frames(data)
