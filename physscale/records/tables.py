"""Tables of scores and outcomes on disk, whole or not at all. Each file holds the SHA-256 of its
name and values, as Parquet itself notices no flipped bit and no exchanged file. Files of older
versions have none, or one of the values alone."""

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physscale.records.arrow_types import UNREADABLE, refuse_code
from physscale.records.errors import DamagedData, one_line
from physscale.records.regular import regular
from physscale.records.scores import SCORES
from physscale.records.store import write_atomic

_COMPUTED = b"physscale.metrics"
_DIGEST = b"physscale.sha256"


def write_parquet(path: Path, table: pa.Table) -> None:
    """Writes the table as a Parquet file."""
    write_atomic(path, parquet_bytes(table, name=path.name))


def parquet_bytes(table: pa.Table, *, name: str) -> bytes:
    """What `write_parquet` writes as the file of this name."""
    metadata = {**(table.schema.metadata or {}), _DIGEST: _digest(table, name=name)}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd")
    return buffer.getvalue()


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """A table with the columns and types of `schema`, without metadata. Other columns are ignored;
    nullable ones that an older version lacks are null.

    Raises:
        DamagedData: if the file is torn, altered, or has other columns.
    """
    table = _whole(path)
    missing = [field for field in schema if field.name not in table.column_names]
    if any(not field.nullable for field in missing):
        raise DamagedData(
            f"{path}: columns {', '.join(field.name for field in missing)} are missing; was it "
            "written by another version?"
        )
    for field in missing:
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    try:
        return table.select(schema.names).cast(schema).replace_schema_metadata(None)
    except (pa.ArrowException, ValueError) as error:
        raise DamagedData(f"{path}: {one_line(error)[:160]}") from error


def write_scores(path: Path, table: pa.Table, *, metrics: Iterable[str]) -> None:
    """Write a run's scores with the names of the computed metrics. A metric without a value for any
    video has no row."""
    names = " ".join(sorted({*metrics, *table["metric"].to_pylist()}))
    write_parquet(path, table.replace_schema_metadata({_COMPUTED: names.encode()}))


def read_scores(path: Path) -> pa.Table:
    """A run's scores.

    Raises:
        DamagedData: as `read_parquet` does.
    """
    return read_parquet(path, SCORES)


def computed_metrics(path: Path) -> set[str]:
    """The metrics that were computed for these scores. In a table of an older version: those that
    have a row.

    Raises:
        DamagedData: as `read_parquet` does.
    """
    table = _whole(path)
    names = (table.schema.metadata or {}).get(_COMPUTED, b"").decode().split()
    return {*names, *table["metric"].to_pylist()}


def _whole(path: Path) -> pa.Table:
    """The table as it was written."""
    try:
        table = pq.read_table(regular(path))
        refuse_code(table.schema)
        table.validate(full=True)
        found = (table.schema.metadata or {}).get(_DIGEST)
        same = found in (None, _digest(table, name=path.name), _digest(table, name=""))
    except UNREADABLE as error:
        raise DamagedData(
            f"{path}: not a readable Parquet file ({one_line(error)[:120]})"
        ) from error
    if not same:
        raise DamagedData(
            f"{path}: its values are not the ones that were written there (SHA-256 differs)"
        )
    return table


def _digest(table: pa.Table, *, name: str) -> bytes:
    """Over every value and every null, the names that the metadata hold, and the file's name."""
    total = hashlib.sha256((table.schema.metadata or {}).get(_COMPUTED, b"") + name.encode())
    for title in table.column_names:
        column = table[title]
        total.update(f"{title}{len(column)}".encode())
        if pa.types.is_primitive(column.type):
            total.update(np.packbits(column.is_valid().to_numpy()).tobytes())
            values = column.fill_null(pa.scalar(0).cast(column.type)).to_numpy()
            total.update(f"{values.dtype.str}".encode() + np.ascontiguousarray(values).tobytes())
        else:
            total.update(json.dumps(column.to_pylist()).encode())
    return total.hexdigest().encode()
