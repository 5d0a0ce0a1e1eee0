"""The table behind every figure of curves: one row per mark. The figure is drawn from it, so its
CSV redraws the figure.

panel            position of the panel
title, note      words above the panel, equal in all its rows
x_axis, y_axis   words beside its axes
series, colour   name and colour of the curve
role             seed | mean | law | band | floor | baseline
x, y, low, high  the mark; a band has low and high only, a floor or baseline has y only
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("panel", pa.int64()),
        ("title", pa.string()),
        ("note", pa.string()),
        ("x_axis", pa.string()),
        ("y_axis", pa.string()),
        ("series", pa.string()),
        ("colour", pa.string()),
        ("role", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
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
    """The table as CSV; text that a spreadsheet would run as a formula is quoted by a leading
    apostrophe."""
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
