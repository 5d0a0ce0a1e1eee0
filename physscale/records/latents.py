"""One Arrow file with the latents of consecutive videos: complete or absent, and read row by row
without loading the whole file.

Each row has the video's `index`, its `latents`, and `check`, the CRC-32 of the latents. Reading a
row detects a flipped bit in it, so a file of gigabytes need not be read whole. The metadata say
which latents these are."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int

from physscale.records.errors import DamagedData
from physscale.records.store import write_atomic

__all__ = ["FORMAT", "LatentShard", "open_latents", "write_latents"]

FORMAT = 1
"""Raised by hand when a column changes its meaning. A reader refuses any other number."""

FORMAT_KEY = b"physscale_latents"
IDENTITY_KEY = b"physscale_fingerprint"
CANVAS_KEY = b"physscale_canvas"


@dataclass(frozen=True)
class LatentShard:
    """An open file; `latents` f32[rows, T, C, h, w] stay on disk until they are taken."""

    path: Path
    first: int
    latents: Float32[np.ndarray, "rows time channels height width"]
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
        return taken


def schema(shape: Iterable[int], *, identity: str, canvas: str) -> pa.Schema:
    """The schema of a file whose videos have latents of this shape [T, C, h, w]."""
    latents = pa.fixed_shape_tensor(pa.float32(), tuple(shape))
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
) -> int:
    """Writes the file of videos `first`, `first + 1`, ... and returns its bytes. Raises UserError
    if the place cannot be written."""
    kind = schema(latents.shape[1:], identity=identity, canvas=canvas)
    flat = pa.FixedSizeListArray.from_arrays(
        np.ascontiguousarray(latents).reshape(-1), type=kind.field("latents").type.storage_type
    )
    columns = [
        pa.array(np.arange(first, first + len(latents)), pa.int64()),
        pa.array([zlib.crc32(row) for row in latents], pa.uint32()),
        pa.ExtensionArray.from_storage(kind.field("latents").type, flat),
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, kind) as writer:
        writer.write_batch(pa.record_batch(columns, schema=kind))
    content = sink.getvalue()
    write_atomic(path, content.to_pybytes())
    return int(content.size)


def open_latents(
    path: Path, *, first: int, shape: Iterable[int], identity: str, canvas: str
) -> LatentShard:
    """Opens the file; its values are checked when they are taken.

    Raises:
        DamagedData: if it is torn, of a foreign format, or of other latents.
    """
    expected = schema(shape, identity=identity, canvas=canvas)
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            if not reader.schema.equals(expected, check_metadata=True):
                raise _damaged(
                    path, "its columns, format or fingerprint are others than are asked for"
                )
            if reader.num_record_batches != 1:
                raise _damaged(path, f"it has {reader.num_record_batches} blocks instead of one")
            batch = reader.get_batch(0)
            batch.validate(full=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, f"not a readable Arrow file ({type(error).__name__})") from error
    index = batch["index"].to_numpy()
    if not np.array_equal(index, np.arange(first, first + len(index))):
        raise _damaged(path, f"its videos are not {first}, {first + 1}, ...")
    return LatentShard(
        path, first, np.asarray(batch["latents"].to_numpy_ndarray()), batch["check"].to_numpy()
    )


def _damaged(path: Path, what: str) -> DamagedData:
    return DamagedData(
        f"{path}: {what}; `physscale encode` mends it, or delete its folder to train without"
    )
