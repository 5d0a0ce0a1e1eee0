"""Tables of scores and outcomes on disk, whole or not at all."""

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
