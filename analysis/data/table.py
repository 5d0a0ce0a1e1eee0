"""Any table of runs: CSV or Parquet in, clean columns out. Every left-out row is counted and
reported.

`where` is a list of comparisons joined by "and": `excluded == 0 and size != '190M' and N >= 1e7`.
Nothing is evaluated as code."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from physscale.records.errors import DamagedData, UserError

_COMPARISON = re.compile(r"^\s*([^\s=!<>]+)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*$")
_SHOWN_NAMES = 12
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Runs:
    """Columns by role. Every axis is positive and finite. The response is finite, and positive
    where a law of a positive number is fitted."""

    axes: Mapping[str, Float[np.ndarray, " runs"]]
    response: Float[np.ndarray, " runs"]
    split: np.ndarray
    seed: np.ndarray
    count: Float[np.ndarray, " runs"] | None
    flops: Float[np.ndarray, " runs"] | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.response)

    def only(self, chosen: Bool[np.ndarray, " runs"]) -> "Runs":
        """These rows."""
        return Runs(
            {name: values[chosen] for name, values in self.axes.items()},
            self.response[chosen],
            self.split[chosen],
            self.seed[chosen],
            None if self.count is None else self.count[chosen],
            None if self.flops is None else self.flops[chosen],
            self.notes,
        )

    def splits(self) -> dict[str, "Runs"]:
        """One part per split, in order of appearance; a single part named "" without a split
        column."""
        return {
            str(name): self.only(self.split == name) for name in dict.fromkeys(self.split.tolist())
        }


def read_runs(
    path: Path,
    *,
    response: str,
    axes: Mapping[str, str],
    split: str | None = None,
    seed: str | None = None,
    count: str | None = None,
    flops: str | None = None,
    where: str | None = None,
    ratio: bool = False,
) -> Runs:
    """Reads the named columns. `axes` maps each axis of the law (N, D, C, x ...) to a column.

    Raises:
        UserError: for a missing file or column, text where numbers belong, or no row left.
        DamagedData: for a file that is neither CSV nor Parquet.
    """
    table = load(path)
    keep = np.ones(table.num_rows, dtype=bool) if where is None else _chosen(table, where)
    columns = {role: _numbers(table, name, path) for role, name in {**axes, "": response}.items()}
    counts = _numbers(table, count, path) if count else None
    flop = _numbers(table, flops, path) if flops else None
    good, notes = _usable(columns, keep, response=response, ratio=ratio)
    if counts is not None:
        good &= np.isfinite(counts) & (counts > 0)
    if not good.any():
        raise UserError(
            f"{path}: no usable row is left ({'; '.join(notes) or 'the table is empty'})"
        )
    texts = {role: _texts(table, name) for role, name in (("split", split), ("seed", seed)) if name}
    blank = np.full(table.num_rows, "")
    return Runs(
        axes={role: columns[role][good] for role in axes},
        response=columns[""][good],
        split=texts.get("split", blank)[good],
        seed=texts.get("seed", blank)[good],
        count=None if counts is None else counts[good],
        flops=None if flop is None else flop[good],
        notes=tuple(notes),
    )


def load(path: Path) -> pa.Table:
    """Loads a CSV (ending .csv, .tsv or .txt) or a Parquet file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a CSV or Parquet file of runs")
    try:
        if path.suffix.lower() in {".csv", ".tsv", ".txt"}:
            from pyarrow import csv

            delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
            return csv.read_csv(
                path, parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
            )
        import pyarrow.parquet as pq

        return pq.read_table(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DamagedData(
            f"{path}: not a readable CSV or Parquet file ({_short(str(error))})"
        ) from error


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if table.column_names.count(name) > 1:
        raise UserError(
            f"column {_short(name)!r} is there {table.column_names.count(name)} times; give each "
            "column a name of its own"
        )
    if name not in table.column_names:
        known = ", ".join(_short(other) for other in table.column_names[:_SHOWN_NAMES])
        raise UserError(
            f"column {_short(name)!r} is not in the table; it has "
            f"{known}{' ...' if table.num_columns > _SHOWN_NAMES else ''}"
        )
    return table[name]


def _numbers(table: pa.Table, name: str, path: Path) -> Float[np.ndarray, " rows"]:
    column = _column(table, name)
    kind = column.type
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    ):
        raise UserError(
            f"{path}: column {_short(name)!r} holds {kind}, not numbers; first value "
            f"{_short(str(column[0].as_py()))!r}"
        )
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=float)


def _texts(table: pa.Table, name: str) -> np.ndarray:
    return np.array(
        [_short("" if value is None else str(value)) for value in _column(table, name).to_pylist()],
        dtype=object,
    )


def _usable(
    columns: Mapping[str, np.ndarray], keep: np.ndarray, *, response: str, ratio: bool
) -> tuple[np.ndarray, list[str]]:
    good, notes = keep.copy(), []
    for role, values in columns.items():
        name = f"axis {role}" if role else f"response {_short(response)}"
        missing = keep & ~np.isfinite(values)
        if role or not ratio:
            outside, words = keep & np.isfinite(values) & (values <= 0), "that is zero or less"
        else:
            outside, words = (
                keep & np.isfinite(values) & ((values < 0) | (values > 1)),
                "outside 0 to 1",
            )
        for wrong, why in ((missing, "without a finite number"), (outside, words)):
            if wrong.any():
                notes.append(f"{int(wrong.sum())} rows with {name} {why} were left out")
        good &= ~missing & ~outside
    return good, notes


def _chosen(table: pa.Table, where: str) -> Bool[np.ndarray, " rows"]:
    keep = np.ones(table.num_rows, dtype=bool)
    for part in re.split(r"\s+and\s+", where):
        found = _COMPARISON.match(part)
        if found is None:
            raise UserError(
                f"--where {_short(part)!r}: write COLUMN == VALUE (or != < <= > >=), joined by "
                "'and'"
            )
        name, operator, value = found.groups()
        keep &= _compare(_column(table, name), operator, value.strip("'\""))
    return keep


def _compare(column: pa.ChunkedArray, operator: str, value: str) -> Bool[np.ndarray, " rows"]:
    try:
        other: float | str = float(value)
        values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=float)
    except (ValueError, pa.ArrowException):
        other, values = value, np.array([str(entry) for entry in column.to_pylist()], dtype=object)
    tests = {
        "==": np.equal,
        "!=": np.not_equal,
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
    }
    return np.asarray(tests[operator](values, other), dtype=bool)


def axis_names(words: Sequence[str]) -> dict[str, str]:
    """Maps a law's axes to columns, from `N,D` or `N=parameters,D=videos`."""
    found = {}
    for word in words:
        role, _, column = word.partition("=")
        if not role:
            raise UserError(f"--axes {_short(word)!r}: write N,D or N=COLUMN,D=COLUMN")
        found[role] = column or role
    return found


def _short(text: str) -> str:
    """Text from a file as one short line without control characters, safe for a terminal."""
    clean = "".join(letter if letter.isprintable() else "·" for letter in text)
    return clean if len(clean) <= _LONGEST_NAME else clean[: _LONGEST_NAME - 1] + "…"
