"""A shard with frames: one zstd blob per row in a memory-mapped Arrow IPC file, so that each row
can be read alone.

It serves frames that cannot be rendered again from their states, and machines that do not render.
`rgb` compresses the pixels as they are; `palette` stores one byte per pixel and the row's colours
(at most 256: PHYRE's seven, or hard-edged drawings). States are verified by their digest when the
file is opened, each blob by its own (SHA-256 over row and blob, first 16 bytes) before it is
decompressed."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, get_args, no_type_check

import numpy as np
import pyarrow as pa
from jaxtyping import Int, UInt8

from physscale.dataset.damage import damaged, unreadable
from physscale.dataset.file import DIGEST_KEY, digest, rows_at_once
from physscale.records.arrow_types import UNREADABLE
from physscale.records.errors import DamagedData, UserError
from physscale.records.json_value import parsed
from physscale.records.regular import regular
from physscale.records.store import write_atomic
from physscale.records.video import Videos, check_schema
from physscale.render.canvas import Canvas
from physscale.render.compiled import compiled
from physscale.render.render import render

Encoding = Literal["rgb", "palette"]
FRAMES_KEY = b"physscale_frames"
BLOB, CHECK = "frames", "frames_check"
CHECK_BYTES = 16
LEVEL = 1
ROWS_PER_BATCH = 256
ROWS_DRAWN = 4
COLOURS = 256
SIDE = 4096


def write_frames(
    path: Path, videos: Videos, *, encoding: Encoding, canvas: Canvas | None = None
) -> None:
    """Writes one shard, complete or not at all.

    Args:
        videos: rows, with their pixels unless they are to be drawn now.
        canvas: how to draw the rows. Only a few rows are in memory at a time.

    Raises:
        UserError: if a row has too many colours for a palette, or the place cannot be written.
    """
    side = 0 if canvas is None else canvas.size_px
    shape = (
        (videos.time_s.shape[1], side, side, 3)
        if videos.pixels is None
        else videos.pixels.shape[1:]
    )
    states = videos.with_pixels(None)
    codec = pa.Codec("zstd", compression_level=LEVEL)
    rows = _drawn(states, canvas=canvas) if videos.pixels is None else iter(videos.pixels)
    packed = [
        codec.compress(
            _indexed(row, where=path) if encoding == "palette" else np.ascontiguousarray(row),
            asbytes=True,
        )
        for row in rows
    ]
    table = states.to_arrow()
    table = table.append_column(BLOB, pa.array(packed, pa.large_binary()))
    checks = [
        _check(index, blob) for index, blob in zip(videos.index.tolist(), packed, strict=True)
    ]
    table = table.append_column(CHECK, pa.array(checks, pa.binary(CHECK_BYTES)))
    layout = json.dumps({"encoding": encoding, "shape": list(shape)}).encode()
    metadata = {**table.schema.metadata, DIGEST_KEY: digest(states).encode(), FRAMES_KEY: layout}
    table = table.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=ROWS_PER_BATCH)
    write_atomic(path, sink.getvalue().to_pybytes())


def _drawn(states: Videos, *, canvas: Canvas | None) -> Iterator[np.ndarray]:
    """The frames of one row after the other, in reused memory."""
    assert canvas is not None, "rows without frames need a canvas"
    out = np.empty(
        (ROWS_DRAWN, states.time_s.shape[1], canvas.size_px, canvas.size_px, 3), np.uint8
    )
    for start in range(0, len(states), ROWS_DRAWN):
        some = states.take(slice(start, start + ROWS_DRAWN))
        yield from render(some, canvas=canvas, out=out[: len(some)])


@dataclass(frozen=True)
class FrameShard:
    """An open shard: states in memory, blobs in the mapped file."""

    path: Path
    states: Videos
    blobs: pa.ChunkedArray
    checks: pa.ChunkedArray
    encoding: Encoding
    shape: tuple[int, int, int, int]

    has_frames: ClassVar[bool] = True
    chunks: ClassVar[tuple[int, ...]] = ()

    def parts(self) -> Iterator[Videos]:
        """The rows in order, with their frames, `file.BATCH_BYTES` of them at a time."""
        rows = rows_at_once(math.prod(self.shape))
        for start in range(0, len(self.states), rows):
            yield self.take(np.arange(start, min(start + rows, len(self.states))))

    def take(self, positions: Int[np.ndarray, " chosen"]) -> Videos:
        """These rows with their frames.

        Raises:
            DamagedData: naming the row whose frames are not what was written. Then no frame is
                returned.
        """
        pixels = np.empty((len(positions), *self.shape), np.uint8)
        codec = pa.Codec("zstd")
        for place, position in enumerate(positions.tolist()):
            self._unpack(position, codec=codec, out=pixels[place])
        return self.states.take(positions).with_pixels(pixels)

    def _unpack(
        self, position: int, *, codec: pa.Codec, out: UInt8[np.ndarray, "frames height width 3"]
    ) -> None:
        blob, index = self.blobs[position].as_buffer(), int(self.states.index[position])
        if _check(index, blob) != self.checks[position].as_py():
            raise self._damaged(index)
        try:
            if self.encoding == "rgb":
                out.reshape(-1)[:] = np.frombuffer(
                    codec.decompress(blob, decompressed_size=out.size), np.uint8
                )
            else:
                packed = np.frombuffer(
                    codec.decompress(blob, decompressed_size=3 * COLOURS + out.size // 3), np.uint8
                )
                np.take(
                    packed[: 3 * COLOURS].reshape(COLOURS, 3),
                    packed[3 * COLOURS :],
                    axis=0,
                    out=out.reshape(-1, 3),
                    mode="clip",
                )
        except UNREADABLE as error:
            raise self._damaged(index) from error

    def _damaged(self, index: int) -> DamagedData:
        what = f"the frames of row {index} are not the ones that were written"
        return damaged(self.path, what)


def is_frame_shard(path: Path) -> bool:
    """Whether a file is an Arrow file with packed frames. Reading it detects any damage."""
    try:
        with pa.memory_map(str(regular(path))) as source, pa.ipc.open_file(source) as reader:
            return BLOB in reader.schema.names
    except UNREADABLE:
        return False


def open_frames(path: Path) -> FrameShard:
    """Map a shard and verify everything but the blobs, each of which is verified when it is
    read.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn, altered or of a foreign format.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        table = pa.ipc.open_file(pa.memory_map(str(regular(path)))).read_all()
        schema = table.schema
        if {BLOB: pa.large_binary(), CHECK: pa.binary(CHECK_BYTES)} != {
            name: schema.field(name).type for name in (BLOB, CHECK)
        }:
            raise DamagedData(f"{path}: this is no shard with frames")
        plain = table.drop_columns([BLOB, CHECK])
        check_schema(plain.schema)
        table.validate(full=True)
        states = Videos.from_arrow(plain)
        layout = parsed(schema.metadata[FRAMES_KEY])
        frames, height, width, channels = (int(side) for side in layout["shape"])
        encoding = layout["encoding"]
        sound = (
            frames == states.time_s.shape[1]
            and 0 < height <= SIDE
            and 0 < width <= SIDE
            and channels == 3
            and encoding in get_args(Encoding)
        )
    except (*UNREADABLE, KeyError) as error:
        raise unreadable(path, error) from error
    if not sound or schema.metadata.get(DIGEST_KEY, b"") != digest(states).encode():
        raise damaged(path, "its values are not the ones that were written (SHA-256 differs)")
    return FrameShard(
        path, states, table[BLOB], table[CHECK], encoding, (frames, height, width, channels)
    )


def verify(shard: FrameShard) -> None:
    """Reads every blob once, to verify it.

    Raises:
        DamagedData: for the first that is altered.
    """
    for position, index in enumerate(shard.states.index.tolist()):
        if _check(index, shard.blobs[position].as_buffer()) != shard.checks[position].as_py():
            raise shard._damaged(index)


def _check(index: int, blob: bytes | pa.Buffer) -> bytes:
    total = hashlib.sha256(index.to_bytes(8, "little"))
    total.update(blob)
    return total.digest()[:CHECK_BYTES]


def _indexed(
    row: UInt8[np.ndarray, "frames height width 3"], *, where: Path
) -> UInt8[np.ndarray, " bytes"]:
    """The row's palette (256 · 3 bytes), then one byte per pixel."""
    packed = np.zeros(3 * COLOURS + row.size // 3, np.uint8)
    if not _index(
        row.reshape(-1, 3), packed[: 3 * COLOURS].reshape(COLOURS, 3), packed[3 * COLOURS :]
    ):
        raise UserError(f"{where}: a row has more than {COLOURS} colours; use encoding rgb")
    return packed


@compiled
@no_type_check
def _index(pixels: np.ndarray, palette: np.ndarray, indices: np.ndarray) -> bool:
    """Indexes colours in the order of their first pixel. False if there are too many."""
    known = np.full(1 << 24, -1, np.int16)
    count = 0
    for number in range(len(pixels)):
        colour = (
            (np.int64(pixels[number, 0]) << 16)
            | (np.int64(pixels[number, 1]) << 8)
            | np.int64(pixels[number, 2])
        )
        if known[colour] < 0:
            if count == len(palette):
                return False
            known[colour] = count
            palette[count] = pixels[number]
            count += 1
        indices[number] = known[colour]
    return True
