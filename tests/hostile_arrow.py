"""Arrow tables whose columns hold pickles, or claim types that run code when they are read."""

import io
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile_weights import Run

NAMES = (
    *("ray.data.arrow_pickled_object", "ray.data.arrow_tensor", "ray.data.arrow_tensor_v2"),
    *("ray.data.arrow_variable_shaped_tensor", "arrow.py_extension_type", "unknown.type"),
)
SHAPES = ("plain", "list", "struct", "map", "dictionary")


def hostile_tables(base: pa.Table, *, canary: Path) -> dict[str, bytes]:
    """The table with one more column, or with one in the place of its first text column, as Arrow
    and as Parquet files. Whatever unpickles a value or a type makes the folder `canary`."""
    payload = pickle.dumps(Run(canary))
    text = next(name for name in base.column_names if base.schema.field(name).type == pa.string())
    files = {}
    for name in NAMES:
        for shape in SHAPES:
            column, kind = _column(payload, rows=len(base), shape=shape)
            field = _claims(pa.field("hostile", kind), name=name, metadata=payload)
            more = base.append_column(field, column)
            place = base.schema.get_field_index(text)
            instead = base.set_column(place, field.with_name(text), column)
            for what, table in (("more", more), ("instead", instead)):
                files[f"{name}.{shape}.{what}.arrow"] = _ipc(table)
                if shape != "dictionary":
                    files[f"{name}.{shape}.{what}.parquet"] = _parquet(table)
    return files


def _column(payload: bytes, *, rows: int, shape: str) -> tuple[pa.Array, pa.DataType]:
    values = pa.array([payload] * rows, pa.binary())
    match shape:
        case "list":
            values = pa.array([[payload]] * rows, pa.list_(pa.binary()))
        case "struct":
            values = pa.array([{"a": payload}] * rows, pa.struct({"a": pa.binary()}))
        case "map":
            values = pa.array([[("a", payload)]] * rows, pa.map_(pa.string(), pa.binary()))
        case "dictionary":
            values = values.dictionary_encode()
    return values, values.type


def _claims(field: pa.Field, *, name: str, metadata: bytes) -> pa.Field:
    """The field, and those inside it, as columns of this extension type."""
    said = {"ARROW:extension:name": name, "ARROW:extension:metadata": metadata}
    kind = field.type
    if pa.types.is_list(kind):
        kind = pa.list_(kind.value_field.with_metadata(said))
    elif pa.types.is_struct(kind):
        kind = pa.struct([kind.field(0).with_metadata(said)])
    else:
        return pa.field(field.name, kind, metadata=said)
    return pa.field(field.name, kind)


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
