"""One Arrow IPC file of videos, for data and samples alike.

The file carries its own SHA-256 over the columns' values, so a flipped bit is detected. The schema
is checked before any value, so a foreign file (a pickle, for example) is refused unread. Frames are
rendered on read if the file has none. They are written and read some `BATCH_BYTES` at a time: Arrow
writes no batch of 2^31 numbers, and a reader need not hold what it does not use."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from jaxtyping import Int, UInt8

from physscale.dataset.damage import damaged, unreadable
from physscale.records.arrow_types import UNREADABLE
from physscale.records.errors import UserError
from physscale.records.regular import regular
from physscale.records.store import write_atomic
from physscale.records.video import TEXT_COLUMNS, Videos, check_schema
from physscale.render.canvas import Canvas
from physscale.render.render import render

DIGEST_KEY = b"physscale_sha256"
RUN_KEY = b"physscale_run"
NUMBERS = ("index", "contact_s", "time_s", "state", "body", "rod", "from_trained")
FRAMES = "pixels"

BATCH_BYTES = 1 << 26
"""Of frames, or of states where there are none, that are in memory together. One video at least."""


def digest(videos: Videos) -> str:
    """SHA-256 of every value of every column: it identifies a data set, however it was made or
    stored."""
    if videos.pixels is None:
        return _digest(videos, frames=(), shape=None)
    return _digest(videos, frames=[videos.pixels], shape=videos.pixels.shape)


def _digest(states: Videos, *, frames: Iterable[np.ndarray], shape: tuple[int, ...] | None) -> str:
    """The same of frames that come in parts; `shape` is that of all of them."""
    total = hashlib.sha256()
    for name in TEXT_COLUMNS:
        total.update("\0".join([name, *getattr(states, name).tolist(), ""]).encode())
    for name in NUMBERS:
        column = getattr(states, name)
        if column is not None:
            total.update(f"{name}{column.shape}{column.dtype.str}".encode())
            total.update(np.ascontiguousarray(column).data)
    if shape is not None:
        total.update(f"{FRAMES}{shape}{np.dtype(np.uint8).str}".encode())
        for part in frames:
            total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()


def write_videos(path: Path, videos: Videos, *, run: str = "") -> None:
    """Write one file, completely or not at all. `run`: the fingerprint of the run whose samples
    they are.

    Raises:
        UserError: if the place cannot be written.
    """
    table = videos.to_arrow()
    table = table.replace_schema_metadata(
        {**table.schema.metadata, DIGEST_KEY: digest(videos).encode(), RUN_KEY: run.encode()}
    )
    sink = pa.BufferOutputStream()
    compression = (
        None if videos.pixels is None else "zstd"
    )  # states hardly compress, frames shrink a hundredfold
    row_bytes = table.nbytes // max(1, len(table))
    with pa.ipc.new_file(
        sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)
    ) as writer:
        writer.write_table(table, max_chunksize=rows_at_once(row_bytes))
    write_atomic(path, sink.getvalue().to_pybytes())


def rows_at_once(row_bytes: int) -> int:
    """How many rows of this size are in memory together."""
    return max(1, BATCH_BYTES // max(1, row_bytes))


@dataclass(frozen=True)
class VideoFile:
    """An open, undamaged file: states in memory, frames on disk until they are read.

    Attributes:
        shape: of all frames, [rows, T, height, width, 3]; None for states alone.
    """

    path: Path
    states: Videos
    shape: tuple[int, ...] | None

    chunks: ClassVar[tuple[int, ...]] = ()

    @property
    def has_frames(self) -> bool:
        return self.shape is not None

    def parts(self) -> Iterator[Videos]:
        """The rows in order, with their frames, `BATCH_BYTES` of them at a time."""
        if self.shape is None:
            yield self.states
            return
        for rows, pixels in self.states.paired(_frames(self.path)):
            yield rows.with_pixels(pixels)

    def take(self, positions: Int[np.ndarray, " chosen"]) -> Videos:
        """These rows, with their frames."""
        if self.shape is None:
            return self.states.take(positions)
        chosen, start = np.empty((len(positions), *self.shape[1:]), np.uint8), 0
        for pixels in _frames(self.path):
            there = (positions >= start) & (positions < start + len(pixels))
            chosen[there] = pixels[positions[there] - start]
            start += len(pixels)
        return self.states.take(positions).with_pixels(chosen)


def open_videos(path: Path) -> VideoFile:
    """Open a file and verify it.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn, altered, or of a foreign format.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with _arrow(path) as reader:
        schema = reader.schema
        check_schema(schema)
    columns = [place for place, name in enumerate(schema.names) if name != FRAMES]
    with _arrow(path, columns=columns) as reader:
        table = reader.read_all()
        table.validate(full=True)
        states = Videos.from_arrow(table)
    shape = (len(states), *schema.field(FRAMES).type.shape) if FRAMES in schema.names else None
    found = (schema.metadata or {}).get(DIGEST_KEY, b"").decode(errors="replace")
    if found != _digest(states, frames=_frames(path), shape=shape):
        raise damaged(path, "its values are not the ones that were written (SHA-256 differs)")
    return VideoFile(path, states, shape)


def read_videos(path: Path, *, canvas: Canvas | None = None) -> Videos:
    """The videos of one file, all at once. With a canvas, also their frames, rendered now unless
    the file holds them at that size.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn, altered, or of a foreign format.
    """
    file = open_videos(path)
    videos = gathered(file.states, file.parts())
    return videos if canvas is None else with_frames(videos, canvas=canvas)


def gathered(states: Videos, parts: Iterable[Videos]) -> Videos:
    """All rows, with the frames of these parts of them, which are copied once."""
    pixels, start = None, 0
    for part in parts:
        if part.pixels is None:
            return states
        if pixels is None:
            pixels = np.empty((len(states), *part.pixels.shape[1:]), np.uint8)
        pixels[start : start + len(part)] = part.pixels
        start += len(part)
    return states.with_pixels(pixels)


def with_frames(videos: Videos, *, canvas: Canvas) -> Videos:
    """The videos with frames of the canvas' size, rendered unless they are there."""
    if videos.pixels is not None and videos.pixels.shape[2] == canvas.size_px:
        return videos
    return videos.with_pixels(render(videos, canvas=canvas))


def _frames(path: Path) -> Iterator[UInt8[np.ndarray, "rows frames height width 3"]]:
    """The frames of a file, some at a time."""
    with _arrow(path) as reader:
        column = reader.schema.get_field_index(FRAMES)
    with _arrow(path, columns=[column]) as reader:
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            batch.validate(full=True)
            pixels = np.asarray(batch[FRAMES].to_numpy_ndarray())
            rows = rows_at_once(pixels[:1].nbytes)
            for start in range(0, len(pixels), rows):
                yield pixels[start : start + rows]


@contextlib.contextmanager
def _arrow(path: Path, *, columns: list[int] | None = None) -> Iterator[pa.RecordBatchFileReader]:
    """The reader of these columns of a file; what it cannot read is damage."""
    options = pa.ipc.IpcReadOptions(included_fields=columns)
    try:
        with (
            pa.memory_map(str(regular(path))) as source,
            pa.ipc.open_file(source, options=options) as reader,
        ):
            yield reader
    except UNREADABLE as error:
        raise unreadable(path, error) from error


def run_of(path: Path) -> str:
    """The run whose samples a readable file holds; empty where none is named."""
    with pa.memory_map(str(regular(path))) as source, pa.ipc.open_file(source) as reader:
        named: bytes = (reader.schema.metadata or {}).get(RUN_KEY, b"")
    return named.decode(errors="replace")
