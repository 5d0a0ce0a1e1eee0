"""The streams of a published HDF5 file as arrays, once what the file says of itself is believed."""

# mypy: disable-error-code="import-untyped"
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from physscale.dataset.hdf5_heaps import checked_count
from physscale.records.errors import DamagedData, UserError, one_line

__all__ = ["CLIPS", "arrays_of", "opened", "stream_names", "streams_of"]

CLIPS = "video_streams"

_SMALL_BYTES = 1 << 26
"""Numbers compress, but clips are most of a file: no stream is larger than twice all of it."""


def stream_names(path: Path) -> set[str]:
    """What the file holds."""
    with opened(path) as file:
        return set(file)


def streams_of(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Every stream's groups, joined; as many rows as there are clips."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with opened(path) as file:
        found = {
            name: np.concatenate(
                [np.asarray(item[()], np.float64) for item in arrays_of(file, name)]
            )
            for name in names
        }
        clips = sum(checked_count(path, item) for item in arrays_of(file, CLIPS))
    if {len(stream) for stream in found.values()} != {clips}:
        raise DamagedData(
            f"{path}: its streams have {sorted({clips, *map(len, found.values())})} rows, they "
            "must agree"
        )
    return found


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The open file; what cannot be read is damage."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, DamagedData) as error:
        raise DamagedData(
            f"{path}: not a file of the published layout ({type(error).__name__}: "
            f"{one_line(error)[:80]})"
        ) from error


def arrays_of(file: h5py.File, name: str) -> list[h5py.Dataset]:
    """The file of one chunk holds the data set itself; a merged file holds a group of numbered
    ones, with or without leading zeros."""
    found = _own(file, name)
    inside = sorted(found, key=_numbered) if isinstance(found, h5py.Group) else []
    arrays = [_own(found, each) for each in inside] or [found]
    if not all(isinstance(array, h5py.Dataset) for array in arrays):
        raise ValueError(f"{name} holds what is no array")
    return arrays


def _own(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What a group holds under this name. Raises ValueError for what lies in another file, or says
    that it is much larger than its own."""
    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise ValueError(f"{name} lies in another file")
    found = group[name]
    if isinstance(found, h5py.Dataset):
        if found.external or found.is_virtual:
            raise ValueError(f"{name} lies in another file")
        if found.nbytes > _SMALL_BYTES + 2 * Path(group.file.filename).stat().st_size:
            raise ValueError(f"{name} says that it has {found.nbytes:,} bytes")
    return found


def _numbered(name: str) -> list[str | int]:
    """Words and numbers in turn: 2 comes before 10."""
    return [int(word) if word.isdecimal() else word for word in re.split(r"(\d+)", name)]
