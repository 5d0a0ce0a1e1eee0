"""Videos that a command line names: a data set (a folder of shards), one of its shards, a file of
videos, or a file in the published layout.

States are in memory, frames only some at a time: `source.parts()` takes the same memory for any
number of rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from physscale.dataset.damage import HDF5, MEND, begins
from physscale.dataset.file import gathered, open_videos
from physscale.dataset.folder import open_dataset
from physscale.dataset.frames import is_frame_shard, open_frames
from physscale.records.errors import UserError
from physscale.records.given_file import check_file
from physscale.records.store import read_folder
from physscale.records.video import Videos


@runtime_checkable
class Source(Protocol):
    """Rows on disk."""

    @property
    def states(self) -> Videos:
        """All rows, without frames."""
        ...

    @property
    def has_frames(self) -> bool: ...

    @property
    def chunks(self) -> tuple[int, ...]:
        """The number of rows of each group of a published file; empty for files without groups."""
        ...

    def parts(self) -> Iterator[Videos]:
        """The rows in order, with frames if there are any, some at a time."""
        ...

    def take(self, positions: Int[np.ndarray, " chosen"], /) -> Videos:
        """These rows, with frames if there are any."""
        ...


def open_source(path: Path) -> Source:
    """What lies there. Errors of frames that are read later are those of this function.

    Raises:
        UserError: if there is no such file or folder.
        DamagedData: for the first part that is missing, torn or altered.
    """
    if path.is_dir():
        folder = open_dataset(path)
        read_folder(path, mend=MEND)
        return folder
    check_file(path)
    if not path.exists():
        raise UserError(f"{path}: no such file or data set")
    if begins(path, HDF5):
        return _published(path)
    return open_frames(path) if is_frame_shard(path) else open_videos(path)


def read_whole(path: Path) -> Videos:
    """All rows with their frames at once. Errors are those of `open_source`."""
    source = open_source(path)
    return gathered(source.states, source.parts())


def read_rows(path: Path, *, indices: Int[np.ndarray, " rows"]) -> Videos:
    """The rows with these numbers, in the order on disk. Errors are those of `open_source`."""
    source = open_source(path)
    return source.take(np.flatnonzero(np.isin(source.states.index, indices)))


def _published(path: Path) -> Source:
    try:
        from physscale.dataset.hdf5 import open_published
        from physscale.dataset.hdf5_phyre import FEATURES, open_combinatorial
        from physscale.dataset.hdf5_streams import stream_names
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: reading HDF5 needs h5py; install physscale[hdf5]") from error
    return open_combinatorial(path) if FEATURES in stream_names(path) else open_published(path)
