"""Arrow tables on disk, whole or not at all."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from physscale.records.store import write_atomic


def write_parquet(path: Path, table: pa.Table) -> None:
    """The table as a Parquet file (scores, outcomes)."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    write_atomic(path, buffer.getvalue())


def write_arrow(path: Path, table: pa.Table) -> None:
    """The table as an Arrow IPC file (samples)."""
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    write_atomic(path, buffer.getvalue())
