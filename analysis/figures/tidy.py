"""The table behind every figure of curves: one row per mark. The figure is drawn from it, so its
CSV can redraw the figure.

panel            position of the panel
title, note      words above the panel, equal in all its rows
x_axis, y_axis   words beside its axes
series, colour   name and colour of the curve
role             seed | mean | law | band | floor | baseline
x, y, low, high  the mark; a band has low and high only, a floor or baseline has y only
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa


def schema_of(
    *, counts: Sequence[str] = (), text: Sequence[str] = (), numbers: Sequence[str] = ()
) -> pa.Schema:
    """A table's columns: whole numbers, then words, then numbers."""
    types = ((counts, pa.int64()), (text, pa.string()), (numbers, pa.float64()))
    return pa.schema([(name, kind) for names, kind in types for name in names])


def rows_of(**columns: np.ndarray | Sequence[float]) -> list[dict[str, Any]]:
    """Turns equally long columns of numbers into rows."""
    places = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(float, place), strict=True)) for place in places]


def columns(rows: Sequence[Mapping[str, Any]], *names: str) -> list[Any]:
    """The values of these columns, one list per name, as matplotlib takes them."""
    return [[row[name] for row in rows] for name in names]


SCHEMA = schema_of(
    counts=("panel",),
    text=("title", "note", "x_axis", "y_axis", "series", "colour", "role"),
    numbers=("x", "y", "low", "high"),
)


@dataclass(frozen=True)
class Words:
    """What a panel says."""

    panel: int
    title: str
    note: str
    x_axis: str
    y_axis: str


@dataclass(frozen=True)
class Mark:
    """One row of the table."""

    words: Words
    series: str
    colour: str
    role: str
    x: float | None = None
    y: float | None = None
    low: float | None = None
    high: float | None = None


def tidy(marks: Sequence[Mark]) -> pa.Table:
    """The marks as a table."""
    rows = [
        asdict(mark.words)
        | {key: getattr(mark, key) for key in ("series", "colour", "role", "x", "y", "low", "high")}
        for mark in marks
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def csv(table: pa.Table) -> bytes:
    """The table as CSV. A leading apostrophe quotes text that a spreadsheet would run as a
    formula."""
    import csv as writer_module

    buffer = io.StringIO()
    writer = writer_module.writer(buffer, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        writer.writerow([_harmless(value) for value in row])
    return buffer.getvalue().encode()


def _harmless(value: object) -> object:
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t"}:
        return "'" + value
    return "" if value is None else value
