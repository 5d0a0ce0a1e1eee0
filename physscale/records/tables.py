"""Tables of scores and outcomes on disk, whole or not at all."""

import io
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from physscale.records.scores import SCORES
from physscale.records.store import write_atomic

_COMPUTED = b"physscale.metrics"


def write_parquet(path: Path, table: pa.Table) -> None:
    """Writes the table as a Parquet file."""
    write_atomic(path, parquet_bytes(table))


def parquet_bytes(table: pa.Table) -> bytes:
    """What `write_parquet` writes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def write_scores(path: Path, table: pa.Table, *, metrics: Iterable[str]) -> None:
    """Write a run's scores with the names of the computed metrics. A metric without a value for any
    video has no row."""
    names = " ".join(sorted({*metrics, *table["metric"].to_pylist()}))
    write_parquet(path, table.replace_schema_metadata({_COMPUTED: names.encode()}))


def read_scores(path: Path) -> pa.Table:
    """A run's scores."""
    return pq.read_table(path, schema=SCORES).replace_schema_metadata(None)


def computed_metrics(path: Path) -> set[str]:
    """The metrics that were computed for these scores. In a table of an older version: those that
    have a row."""
    names = (pq.read_schema(path).metadata or {}).get(_COMPUTED, b"").decode().split()
    return {*names, *pq.read_table(path, columns=["metric"])["metric"].to_pylist()}
