"""One Arrow IPC file of videos, for data and samples alike.

The file carries its own SHA-256 over the columns' values, so a flipped bit is detected. The schema
is checked before any value, so a foreign file (a pickle, for example) is refused unread. Frames are
rendered on read if the file has none."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from physscale.records.errors import DamagedData, UserError
from physscale.records.store import write_atomic
from physscale.records.video import TEXT_COLUMNS, Videos, check_schema
from physscale.render.canvas import Canvas
from physscale.render.render import render

DIGEST_KEY = b"physscale_sha256"
NUMBERS = ("index", "contact_s", "time_s", "state", "body", "rod", "from_trained", "pixels")


def digest(videos: Videos) -> str:
    """SHA-256 of every value of every column: it identifies a data set, however it was made or
    stored."""
    total = hashlib.sha256()
    for name in TEXT_COLUMNS:
        total.update("\0".join([name, *getattr(videos, name).tolist(), ""]).encode())
    for name in NUMBERS:
        column = getattr(videos, name)
        if column is not None:
            total.update(f"{name}{column.shape}{column.dtype.str}".encode())
            total.update(np.ascontiguousarray(column).data)
    return total.hexdigest()


def write_videos(path: Path, videos: Videos) -> None:
    """Write one file, completely or not at all.

    Raises:
        UserError: if the place cannot be written.
    """
    table = videos.to_arrow()
    table = table.replace_schema_metadata(
        {**table.schema.metadata, DIGEST_KEY: digest(videos).encode()}
    )
    sink = pa.BufferOutputStream()
    compression = (
        None if videos.pixels is None else "zstd"
    )  # states hardly compress, frames shrink a hundredfold
    with pa.ipc.new_file(
        sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)
    ) as writer:
        writer.write_table(table)
    write_atomic(path, sink.getvalue().to_pybytes())


def read_videos(path: Path, *, canvas: Canvas | None = None) -> Videos:
    """The videos of one file. With a canvas, also their frames, rendered now unless the file holds
    them at that size.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn, altered, or of a foreign format.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            check_schema(reader.schema)
            table = reader.read_all()
            table.validate(full=True)
            videos = Videos.from_arrow(table)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedData(
            f"{path}: not a readable Arrow file ({type(error).__name__}); delete it to make it "
            "again"
        ) from error
    if (table.schema.metadata or {}).get(DIGEST_KEY, b"").decode(errors="replace") != digest(
        videos
    ):
        raise DamagedData(
            f"{path}: its values are not the ones that were written (SHA-256 differs); delete it "
            "to make it again"
        )
    return videos if canvas is None else with_frames(videos, canvas=canvas)


def with_frames(videos: Videos, *, canvas: Canvas) -> Videos:
    """The videos with frames of the canvas' size, rendered unless they are there."""
    if videos.pixels is not None and videos.pixels.shape[2] == canvas.size_px:
        return videos
    return videos.with_pixels(render(videos, canvas=canvas))
