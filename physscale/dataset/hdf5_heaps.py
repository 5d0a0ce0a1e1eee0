"""What libhdf5 2.0 believes of values of variable length without a look: their lengths, and the
blocks that hold them, global heap collections (HDF5 file format specification 3.0, III.E).

A block is a row of objects: number, references, size, bytes. Number 0 is free space, and its size
counts its own head. libhdf5 2.0 steps from one to the next and never ends where that size is 0, as
in a file whose end was never copied and reads as zeros."""

# mypy: disable-error-code="import-untyped"
import mmap
import struct
from pathlib import Path

import h5py
import numpy as np

__all__ = ["check_heaps", "check_lengths"]

_BEGINS = b"GCOL\x01\0\0\0"
_SIZE = struct.Struct("<Q")
_OBJECT = struct.Struct("<H6xQ")
_HEAD = len(_BEGINS) + _SIZE.size
_STEP = 8
_WORDS = 4
"""A value's entry: its length, the address of its block in two words, its number there."""


def check_heaps(path: Path) -> None:
    """Looks at the head of every object once, and jumps over what lies between.

    Raises:
        ValueError: for a block in which libhdf5 would never end.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(_BEGINS)
        while start >= 0:
            start = content.find(_BEGINS, _end(content, start))


def check_lengths(path: Path, values: h5py.Dataset) -> None:
    """libhdf5 takes memory for the length that an entry claims, up to 4 GB, before it looks whether
    the value is there. Entries in chunks are not looked at.

    Raises:
        ValueError: for a value that is longer than the file.
    """
    start = values.id.get_offset()
    if start is None:
        return
    size = path.stat().st_size
    words = np.fromfile(path, "<u4", count=min(_WORDS * values.size, size), offset=start)
    longest = int(words[::_WORDS].max(initial=0))
    if longest > size:
        raise ValueError(f"a value of {longest} numbers in a file of {size} bytes")


def _end(content: mmap.mmap, start: int) -> int:
    """Where the block that begins here ends, or the file."""
    if start + _HEAD > len(content):
        return len(content)
    (size,) = _SIZE.unpack_from(content, start + len(_BEGINS))
    end, at = min(start + size, len(content)), start + _HEAD
    while at + _OBJECT.size <= end:
        number, length = _OBJECT.unpack_from(content, at)
        step = length if number == 0 else _OBJECT.size + -(-length // _STEP) * _STEP
        if step == 0:
            raise ValueError(f"free space of no size at byte {at}")
        at += step
    return max(end, start + _HEAD)
