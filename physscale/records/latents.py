"""One Arrow file with the latents of consecutive videos: complete or absent, and read row by row
without loading the whole file.

Each row has the video's `index`, its `latents`, and `check`, the CRC-32 of the latents. Reading a
row detects a flipped bit in it, so a file of gigabytes need not be read whole. The metadata say
which latents these are. Numbers are float32, or bfloat16 in half the bytes: the upper 16 bits of a
float32, rounded to the nearest, a tie to the even one."""

import ctypes
import mmap
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int, Shaped

from physscale.records.arrow_types import UNREADABLE
from physscale.records.errors import DamagedData
from physscale.records.regular import regular
from physscale.records.store import write_atomic

__all__ = ["FORMAT", "LatentShard", "Precision", "half", "open_latents", "whole", "write_latents"]

Precision = Literal["fp32", "bf16"]

FORMAT = 1
"""Raised by hand when a column changes its meaning. A reader refuses any other number."""

FORMAT_KEY = b"physscale_latents"
IDENTITY_KEY = b"physscale_fingerprint"
CANVAS_KEY = b"physscale_canvas"


@dataclass(frozen=True)
class LatentShard:
    """An open file; `latents` [rows, T, C, h, w], float32 or the bits of bfloat16, stay on disk
    until they are taken."""

    path: Path
    first: int
    latents: Shaped[np.ndarray, "rows time channels height width"]
    checks: np.ndarray

    def __len__(self) -> int:
        return len(self.latents)

    def take(
        self, indices: Int[np.ndarray, " taken"]
    ) -> Float32[np.ndarray, "taken time channels height width"]:
        """A copy of these videos' latents. Raises DamagedData if one is not what was written."""
        taken = self.latents[indices - self.first]
        for index, row in zip(indices.tolist(), taken, strict=True):
            if zlib.crc32(row) != self.checks[index - self.first]:
                raise _damaged(self.path, f"video {index} is not what was written (CRC-32 differs)")
        return whole(taken)

    def announce(self, indices: Int[np.ndarray, " announced"]) -> None:
        """Tell the system that these videos are taken soon. It reads them all at once and in the
        background, where a row that is taken unannounced is waited for alone."""
        row = self.latents.strides[0]
        begin = self.latents.__array_interface__["data"][0]
        for place in np.sort(indices - self.first).tolist():
            start = begin + place * row
            page = start // mmap.PAGESIZE * mmap.PAGESIZE
            if _LIBC.madvise(page, start + row - page, mmap.MADV_WILLNEED):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(self.path))


_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def half(numbers: Float32[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """The bits u16 of these finite numbers as bfloat16, rounded as torch rounds them."""
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)).astype(np.uint16)


def whole(numbers: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """The same numbers in float32, from float32 or from the bits of bfloat16."""
    if numbers.dtype == np.float32:
        return numbers
    return (numbers.astype(np.uint32) << np.uint32(16)).view(np.float32)


def schema(shape: Iterable[int], *, identity: str, canvas: str, precision: Precision) -> pa.Schema:
    """The schema of a file whose videos have latents of this shape [T, C, h, w]."""
    number = pa.float32() if precision == "fp32" else pa.uint16()
    latents = pa.fixed_shape_tensor(number, tuple(shape))
    metadata = {
        FORMAT_KEY: str(FORMAT).encode(),
        IDENTITY_KEY: identity.encode(),
        CANVAS_KEY: canvas.encode(),
    }
    return pa.schema(
        [("index", pa.int64()), ("check", pa.uint32()), ("latents", latents)], metadata=metadata
    )


def write_latents(
    path: Path,
    latents: Float32[np.ndarray, "rows time channels height width"],
    *,
    first: int,
    identity: str,
    canvas: str,
    precision: Precision = "fp32",
) -> int:
    """Writes the file of videos `first`, `first + 1`, ... and returns its bytes. Raises UserError
    if the place cannot be written."""
    kind = schema(latents.shape[1:], identity=identity, canvas=canvas, precision=precision)
    stored = np.ascontiguousarray(latents) if precision == "fp32" else half(latents)
    flat = pa.FixedSizeListArray.from_arrays(
        stored.reshape(-1), type=kind.field("latents").type.storage_type
    )
    columns = [
        pa.array(np.arange(first, first + len(latents)), pa.int64()),
        pa.array([zlib.crc32(row) for row in stored], pa.uint32()),
        pa.ExtensionArray.from_storage(kind.field("latents").type, flat),
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, kind) as writer:
        writer.write_batch(pa.record_batch(columns, schema=kind))
    content = sink.getvalue()
    write_atomic(path, content.to_pybytes())
    return int(content.size)


def open_latents(
    path: Path,
    *,
    first: int,
    shape: Iterable[int],
    identity: str,
    canvas: str,
    precision: Precision = "fp32",
) -> LatentShard:
    """Opens the file; its values are checked when they are taken.

    Raises:
        DamagedData: if it is torn, of a foreign format, or of other latents.
    """
    expected = schema(shape, identity=identity, canvas=canvas, precision=precision)
    try:
        with pa.memory_map(str(regular(path))) as source, pa.ipc.open_file(source) as reader:
            if not reader.schema.equals(expected, check_metadata=True):
                raise _damaged(
                    path, "its columns, format or fingerprint are others than are asked for"
                )
            if reader.num_record_batches != 1:
                raise _damaged(path, f"it has {reader.num_record_batches} blocks instead of one")
            batch = reader.get_batch(0)
            batch.validate(full=False)
    except UNREADABLE as error:
        raise _damaged(path, f"not a readable Arrow file ({type(error).__name__})") from error
    index = batch["index"].to_numpy()
    if not np.array_equal(index, np.arange(first, first + len(index))):
        raise _damaged(path, f"its videos are not {first}, {first + 1}, ...")
    return LatentShard(
        path, first, np.asarray(batch["latents"].to_numpy_ndarray()), batch["check"].to_numpy()
    )


def _damaged(path: Path, what: str) -> DamagedData:
    return DamagedData(
        f"{path}: {what}; run `physscale encode` again, which mends the damaged shard"
    )
