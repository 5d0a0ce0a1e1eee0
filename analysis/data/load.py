"""A file as a table: Parquet and Arrow files by their first bytes, anything else as CSV.

CSV may be separated by commas, semicolons or tabs, in UTF-8, UTF-16 or Latin-1. A file of another
kind is refused by name. Nothing is read by the file's ending alone."""

import csv as header_reader
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from analysis.data.column import Comma
from analysis.data.shown import short
from physscale.records.arrow_types import refuse_code
from physscale.records.errors import DamagedData, UserError
from physscale.records.given_file import check_file

_FOREIGN = {
    b"version https://git-lfs": "a Git LFS pointer without its file; run git lfs pull",
    b"\x89HDF": "an HDF5 file",
    b"PK\x03\x04": "an Excel or zip file; export its sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel file; export its sheet as CSV",
    b"\x1f\x8b": "compressed by gzip; unpack it",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; unpack it",
    b"BZh": "compressed by bzip2; unpack it",
    b"SQLite format": "an SQLite database; export its table as CSV",
    b"\x93NUMPY": "a NumPy file",
    b"\x80\x04": "a pickle, which is never opened",
    b"\x80\x05": "a pickle, which is never opened",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG picture",
    b"<!DOCTYPE": "a web page; download the table itself",
    b"<!doctype": "a web page; download the table itself",
    b"<html": "a web page; download the table itself",
    b'{"': "JSON",
    b"[{": "JSON",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_STREAM = b"\xff\xff\xff\xff"
_MOST_BYTES = 2**31 - 1
"""The largest block of pyarrow's CSV reader. One block for the whole file: the type of a column is
inferred from all of its rows, not from the first megabyte."""


@dataclass(frozen=True)
class Loaded:
    """A table, and what was done to read it."""

    table: pa.Table
    notes: tuple[str, ...] = ()
    comma: Comma = "of thousands"


def load(path: Path) -> Loaded:
    """The table in a file.

    Raises:
        UserError: if there is no such file, or it may not be read.
        DamagedData: if it is torn, empty or of another kind.
    """
    if path.is_dir():
        raise UserError(f"{path}: a folder; give a CSV or Parquet file of runs")
    check_file(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a CSV or Parquet file of runs")
    try:
        with path.open("rb") as file:
            start = file.read(32)
        _refuse_foreign(path, start)
        if start.startswith(b"PAR1"):
            import pyarrow.parquet as pq

            return _checked(pq.read_table(path))
        if start.startswith(b"ARROW1"):
            return _checked(pa.ipc.open_file(path.read_bytes()).read_all())
        if start.startswith(_STREAM):
            return _checked(pa.ipc.open_stream(path.read_bytes()).read_all())
        return _csv(path)
    except (pa.ArrowException, EOFError, ValueError, TypeError, AttributeError) as error:
        raise DamagedData(
            f"{path}: not a readable CSV or Parquet file ({short(str(error))})"
        ) from error
    except OSError as error:
        if error.errno is None:  # pyarrow's, of a torn file
            raise DamagedData(f"{path}: not a readable table ({short(str(error))})") from error
        raise UserError(f"{path}: cannot read it ({error.strerror})") from error


def _checked(table: pa.Table) -> Loaded:
    """The table, once every value of it lies inside the file: pyarrow reads on without asking."""
    refuse_code(table.schema)
    table.validate(full=True)
    return Loaded(table)


def _refuse_foreign(path: Path, start: bytes) -> None:
    if not start:
        raise DamagedData(f"{path}: the file is empty")
    for magic, words in _FOREIGN.items():
        if start.startswith(magic):
            raise DamagedData(f"{path}: not CSV or Parquet but {words}")


def _csv(path: Path) -> Loaded:
    from pyarrow import csv

    text, notes = _as_utf8(path)
    if len(text) > _MOST_BYTES:
        raise UserError(f"{path}: CSV of more than 2 GB; convert it to Parquet")
    mark = _delimiter(path, text)
    table = csv.read_csv(
        pa.BufferReader(text),
        read_options=csv.ReadOptions(block_size=len(text) + 1),
        parse_options=csv.ParseOptions(delimiter=mark, newlines_in_values=True),
    )
    ranges = [name for name in table.column_names if _is_range(name, table.column_names)]
    if ranges:
        notes.append(f"left out {len(ranges)} columns __MIN and __MAX of a W&B chart export")
    comma: Comma = "unclear" if mark == ";" else "of thousands"
    return Loaded(table.drop_columns(ranges), tuple(notes), comma)


def _as_utf8(path: Path) -> tuple[bytes, list[str]]:
    """The file's text in UTF-8, and a note where it was written in something else."""
    raw = path.read_bytes()
    if raw.startswith(_UTF16):
        return raw.decode("utf-16").encode(), ["the file was read as UTF-16"]
    if b"\0" in raw:
        raise DamagedData(f"{path}: not text; save it as CSV in UTF-8, or as Parquet")
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode(), [
            "the file is not UTF-8; it was read as Latin-1 (Windows' Western letters)"
        ]
    return raw.removeprefix(b"\xef\xbb\xbf"), []


def _delimiter(path: Path, text: bytes) -> str:
    """What separates the names of the first line: a comma, semicolon or tab outside quotes."""
    first = re.split(rb"[\r\n]", text, maxsplit=1)[0].decode()
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    several = [mark for mark in (usual, ",", ";", "\t") if len(_fields(first, mark)) > 1]
    return several[0] if several else usual


def _fields(line: str, mark: str) -> list[str]:
    try:
        return next(header_reader.reader([line], delimiter=mark), [])
    except header_reader.Error:  # a name of more than 128 KiB
        return []


def _is_range(name: str, names: list[str]) -> bool:
    """Whether a chart export has this column as the smallest or largest value of another."""
    base = name.removesuffix("__MIN").removesuffix("__MAX")
    return base != name and base in names
