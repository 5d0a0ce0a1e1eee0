"""Tables of scores and outcomes on disk, whole or not at all."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from physscale.records.store import write_atomic


def write_parquet(path: Path, table: pa.Table) -> None:
    """The table as a Parquet file (scores, outcomes)."""
    write_atomic(path, parquet_bytes(table))


def parquet_bytes(table: pa.Table) -> bytes:
    """What `write_parquet` writes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
