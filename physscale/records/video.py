"""A batch of videos, and the Arrow schema that data and samples share.

The true state travels in the row, so evaluation never runs a simulator and never guesses what the
truth was. Frames are rendered on read; `pixels` is there only in samples and in materialised
exports. Columns are primitives and `arrow.fixed_shape_tensor`; `README.md` beside this file shows
the format by example, and a test compares the two."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32, Int, UInt8

from physscale.records.errors import DamagedData

FORMAT = 1
"""Raised by hand when a column changes its meaning. A reader refuses any other number."""

FORMAT_KEY = b"physscale_format"
STATE = ("x_m", "y_m", "angle_rad", "vx_m_s", "vy_m_s", "omega_rad_s")
BODY = (
    "shape",
    "radius_m",
    "half_height_m",
    "mass_kg",
    "elasticity",
    "red",
    "green",
    "blue",
    "behaviour",
    "kind",
)
ROD = ("anchor_x_m", "anchor_y_m", "length_m")
PLACE = slice(STATE.index("x_m"), STATE.index("y_m") + 1)
VELOCITY = slice(STATE.index("vx_m_s"), STATE.index("vy_m_s") + 1)
COLOUR = slice(BODY.index("red"), BODY.index("blue") + 1)
"""Neighbouring columns of `STATE` and `BODY` that are read together."""

TEXT_COLUMNS = ("scenario", "split", "template")
TENSOR_COLUMNS = {
    "time_s": pa.float32(),
    "state": pa.float32(),
    "body": pa.float32(),
    "rod": pa.float32(),
    "from_trained": pa.float32(),
    "pixels": pa.uint8(),
}
OPTIONAL_COLUMNS = ("rod", "from_trained", "pixels")
PLAIN_COLUMNS = {"index": pa.int64(), "contact_s": pa.float32()}


@dataclass(frozen=True, kw_only=True)
class Videos:
    """B videos of T frames and N bodies, one NumPy array per column (see `STATE` and `BODY` for
    the last axes).

    Attributes:
        index: the row's number in its data set, from 0.
        scenario, split, template: names, `object` arrays of `str`.
        time_s: the moment of each frame.
        state: world units, y up.
        body: constants of each body; colours are 0 … 255.
        contact_s: moment of the first contact, NaN where there is none.
        rod: the rod that holds each body (`ROD`), NaN for a body without one; None where no body of
            the data set has one.
        from_trained: distance of the row's (left, right) pair from the trained region and from its
            convex hull (`simulate.trained_distance`), for collisions with holes in what is trained;
            None for all others.
        pixels: frames, row 0 on top, or None where they are rendered on read.
    """

    index: Int[np.ndarray, " batch"]
    scenario: np.ndarray
    split: np.ndarray
    template: np.ndarray
    time_s: Float32[np.ndarray, "batch frames"]
    state: Float32[np.ndarray, "batch frames bodies state"]
    body: Float32[np.ndarray, "batch bodies constants"]
    contact_s: Float32[np.ndarray, " batch"]
    rod: Float32[np.ndarray, "batch bodies rod"] | None = None
    from_trained: Float32[np.ndarray, "batch 2"] | None = None
    pixels: UInt8[np.ndarray, "batch frames height width 3"] | None = None

    @property
    def frames(self) -> UInt8[np.ndarray, "batch frames height width 3"]:
        """`pixels`, of rows that have them."""
        assert self.pixels is not None, "whoever reads rows checks that they have frames"
        return self.pixels

    def __len__(self) -> int:
        return len(self.index)

    def take(
        self, positions: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " batch"] | slice
    ) -> "Videos":
        """The rows at these positions (NumPy indexing rules, order kept)."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        present = {name: column for name, column in columns.items() if column is not None}
        return Videos(**{name: column[positions] for name, column in present.items()})

    def with_pixels(
        self, pixels: UInt8[np.ndarray, "batch frames height width 3"] | None
    ) -> "Videos":
        """The same rows with these frames."""
        return replace(self, pixels=pixels)

    def paired(self, frames: Iterable[np.ndarray]) -> Iterator[tuple["Videos", np.ndarray]]:
        """These rows in order, as many at a time as the frames that come, beside them."""
        start = 0
        for pixels in frames:
            yield self.take(slice(start, start + len(pixels))), pixels
            start += len(pixels)

    def to_arrow(self) -> pa.Table:
        """One table, one row per video, the format number in the schema's metadata."""
        arrays: dict[str, pa.Array] = {"index": pa.array(self.index, pa.int64())}
        arrays |= {
            name: pa.array(getattr(self, name).tolist(), pa.string()) for name in TEXT_COLUMNS
        }
        arrays["contact_s"] = pa.array(self.contact_s, pa.float32())
        for name in TENSOR_COLUMNS:
            column = getattr(self, name)
            if column is not None:
                arrays[name] = _tensor_array(
                    np.ascontiguousarray(column), pa.from_numpy_dtype(column.dtype)
                )
        return pa.table(arrays).replace_schema_metadata({FORMAT_KEY: str(FORMAT).encode()})

    @classmethod
    def from_arrow(cls, table: pa.Table) -> "Videos":
        """The rows of a table written by `to_arrow`.

        Raises:
            DamagedData: for another format number, or any column that the schema does not allow
                (pickles above all).
        """
        check_schema(table.schema)
        table = table.combine_chunks()
        columns: dict[str, Any] = {}
        for name in table.column_names:
            column = table[name]
            if name in TENSOR_COLUMNS:
                columns[name] = _tensor(column)
            elif name in TEXT_COLUMNS:
                columns[name] = np.array(column.to_pylist(), dtype=object)
            else:
                columns[name] = column.to_numpy()
        return cls(**columns)

    @classmethod
    def concat(cls, batches: Sequence["Videos"]) -> "Videos":
        """The rows of all batches, in order; all must agree on frames, bodies and the presence of
        pixels."""
        columns = {
            field.name: [getattr(batch, field.name) for batch in batches] for field in fields(cls)
        }
        present = {name: parts for name, parts in columns.items() if parts[0] is not None}
        return cls(**{name: np.concatenate(parts) for name, parts in present.items()})


def check_schema(schema: pa.Schema) -> None:
    """Refuse anything but this project's columns, types and format number, before any value is
    read.

    Raises:
        DamagedData: with the first thing that is wrong.
    """
    found = (schema.metadata or {}).get(FORMAT_KEY)
    if found != str(FORMAT).encode():
        known = (
            "no physscale format number"
            if found is None
            else f"format {found.decode(errors='replace')[:20]!r}"
        )
        raise DamagedData(
            f"this table has {known}, this version reads format {FORMAT}: make it again with "
            "`physscale simulate`"
        )
    required = {*PLAIN_COLUMNS, *TEXT_COLUMNS, *TENSOR_COLUMNS} - set(OPTIONAL_COLUMNS)
    missing = sorted(required - set(schema.names))
    if missing:
        raise DamagedData(f"column {missing[0]!r} is missing; a video table has {sorted(required)}")
    for field in schema:
        if not _allowed(field):
            raise DamagedData(
                f"column {field.name!r} of type {field.type} does not belong in a video table"
            )


def _allowed(field: pa.Field) -> bool:
    if field.name in TENSOR_COLUMNS:
        is_tensor = isinstance(field.type, pa.FixedShapeTensorType)
        return is_tensor and field.type.value_type == TENSOR_COLUMNS[field.name]
    if field.name in TEXT_COLUMNS:
        return bool(field.type == pa.string())
    return field.name in PLAIN_COLUMNS and bool(field.type == PLAIN_COLUMNS[field.name])


def _tensor_array(column: np.ndarray, value_type: pa.DataType) -> pa.Array:
    """As `FixedShapeTensorArray.from_numpy_ndarray`, but for columns without rows too."""
    kind = pa.fixed_shape_tensor(value_type, column.shape[1:])
    return pa.ExtensionArray.from_storage(
        kind, pa.FixedSizeListArray.from_arrays(column.reshape(-1), type=kind.storage_type)
    )


def _tensor(column: pa.ChunkedArray) -> np.ndarray:
    """The tensors of a column that `combine_chunks` has put into one chunk (or none)."""
    if column.num_chunks == 0:
        return np.empty((0, *column.type.shape), column.type.value_type.to_pandas_dtype())
    return (
        np.asarray(column.chunk(0).to_numpy_ndarray())
        if column.num_chunks == 1
        else np.concatenate([chunk.to_numpy_ndarray() for chunk in column.chunks])
    )
