"""What libhdf5 2.0 believes of values of variable length without a look (HDF5 file format
specification 3.0, III.E): how long they are, and the blocks that hold them.

A block is a row of objects: number, references, size, bytes. Number 0 is free space, and its size
counts its own head. libhdf5 steps from one to the next, and never ends where a step is of no size,
as in a file whose end was never copied and reads as zeros."""

# mypy: disable-error-code="import-untyped"
import mmap
import struct
from pathlib import Path

import h5py
import numpy as np

__all__ = ["checked_count"]

_ENTRY = np.dtype([("length", "<u4"), ("block", "<u8"), ("number", "<u4")])
_BEGINS = b"GCOL\x01\0\0\0"
_SIZE = struct.Struct("<Q")
_OBJECT = struct.Struct("<H6xQ")
_HEAD = len(_BEGINS) + _SIZE.size
_STEP = 8


def checked_count(path: Path, values: h5py.Dataset) -> int:
    """How many values there are, after a look at the head of every object in their blocks. Values
    behind a filter, as of compressed entries, are not looked at.

    Raises:
        ValueError: for a value that is longer than the file, or a block in which libhdf5 would
            never end.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for start, size in _places(values):
            count = max(0, min(size, len(content) - start)) // _ENTRY.itemsize
            entries = np.frombuffer(content[start : start + count * _ENTRY.itemsize], _ENTRY)
            longest = int(entries["length"].max(initial=0))
            if longest > len(content):
                raise ValueError(f"a value of {longest} bytes in a file of {len(content)}")
            for block in np.unique(entries["block"][entries["length"] > 0]).tolist():
                _check_block(content, block)
    return len(values)


def _places(values: h5py.Dataset) -> list[tuple[int, int]]:
    """Where the entries lie in the file, and how many bytes of them."""
    if values.chunks is None:
        start = values.id.get_offset()
        return [] if start is None else [(start, values.size * _ENTRY.itemsize)]
    if values.id.get_create_plist().get_nfilters():
        return []
    chunks = [values.id.get_chunk_info(at) for at in range(values.id.get_num_chunks())]
    return [(chunk.byte_offset, chunk.size) for chunk in chunks]


def _check_block(content: mmap.mmap, start: int) -> None:
    if content[start : start + len(_BEGINS)] != _BEGINS:
        return  # libhdf5 says so itself
    (size,) = _SIZE.unpack_from(content, start + len(_BEGINS))
    end, at = start + size, start + _HEAD
    while at + _OBJECT.size <= min(end, len(content)):
        number, length = _OBJECT.unpack_from(content, at)
        step = length if number == 0 else _OBJECT.size + -(-length // _STEP) * _STEP
        if step == 0 or at + step > end:
            raise ValueError(f"a block of values that does not end, at byte {at}")
        at += step
