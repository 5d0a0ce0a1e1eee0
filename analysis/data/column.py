"""One column of a table as numbers, whatever its type in the file.

Text is read as numbers if every cell is one: 1000, 1e7, 10M, and `1,000,000` with separators for
thousands. `12.5%` is read where `--percent` asks for it. Nothing else is guessed: in a file whose
columns are separated by semicolons, a comma may be a decimal point, and is refused."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from analysis.data.shown import short
from physscale.records.errors import UserError

Percent = Literal["refused", "read"]
Comma = Literal["of thousands", "unclear"]
_UNITS = {"": 1.0, "K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([KkMBGT]?)", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_COMMA = re.compile(r"[+-]?[\d.]*,\d+", re.ASCII)
_NO_VALUE = frozenset({"nan", "inf", "-inf", "infinity", "-infinity"})
_EXACT = 2**53
"""Up to here float64 holds every integer."""


class NotNumbers(UserError):
    """A column with a cell that is no number."""


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, NaN where a cell is empty. `notes` say what was done to read it."""

    values: Float[np.ndarray, " rows"]
    notes: tuple[str, ...] = ()


def number_of(word: str) -> float | None:
    """The number that a word writes, such as 1000, 1e7 or 10M; None for any other word.

    `10m` is none: it may mean thousandths.
    """
    found = _NUMBER.fullmatch(word)
    if found is None:
        return None
    digits, unit = found.groups()
    if unit and "e" in digits.lower():
        return None
    return float(digits) * _UNITS[unit]


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers or booleans, or nothing at all."""
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_decimal,
        pa.types.is_null,
    )
    return any(test(kind) for test in tests)


def numbers(column: pa.ChunkedArray, name: str, *, percent: Percent, comma: Comma) -> Numbers:
    """The column as float64.

    Raises:
        NotNumbers: if a cell is no number.
    """
    kind = column.type
    if is_text(kind):
        return _from_text(column, name, percent=percent, comma=comma)
    if not is_numeric(kind):
        raise NotNumbers(f"column {short(name)!r} holds {kind}, not numbers")
    exact = column.cast(pa.float64(), safe=False).to_numpy()
    large = pa.types.is_integer(kind) and bool((np.abs(exact) >= _EXACT).any())
    rounded = f"column {short(name)}: integers above 2^53 were rounded to 16 digits"
    return Numbers(np.asarray(exact, dtype=float), (rounded,) if large else ())


def _from_text(column: pa.ChunkedArray, name: str, *, percent: Percent, comma: Comma) -> Numbers:
    """Each distinct cell is read once."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    cells = [cell.strip() for cell in coded.dictionary.to_pylist()]
    notes = []
    if comma == "of thousands" and any(_THOUSANDS.fullmatch(cell) for cell in cells):
        notes.append(f"column {short(name)}: the comma in 1,000 was read as one of thousands")
        cells = [cell.replace(",", "") if _THOUSANDS.fullmatch(cell) else cell for cell in cells]
    read = np.array([_cell(cell, name, percent=percent) for cell in cells] + [np.nan])
    if any(cell.endswith("%") for cell in cells):
        notes.append(f"column {short(name)}: percent were divided by 100")
    places = pc.fill_null(coded.indices.cast(pa.int64()), len(cells)).to_numpy(zero_copy_only=False)
    return Numbers(read[places], tuple(notes))


def _cell(text: str, name: str, *, percent: Percent) -> float:
    """The number in a cell; NaN for an empty one."""
    if not text:
        return float("nan")
    if text.lower() in _NO_VALUE:
        return float(text)
    if text.endswith("%") and number_of(text[:-1]) is not None:
        if percent == "read":
            return float(number_of(text[:-1]) or 0.0) / 100
        raise NotNumbers(
            f"column {short(name)!r} holds {short(text)!r}: add --percent to read it as a share"
        )
    value = number_of(text)
    if value is None:
        hint = "; write decimals with a point" if _COMMA.fullmatch(text) else ""
        raise NotNumbers(
            f"column {short(name)!r} holds text, not numbers, such as {short(text)!r}{hint}"
        )
    return value
