"""Videos that a command line names: a data set (a folder of shards), one of its shards, a file of
videos, or a file in the published layout."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int

from physscale.dataset.file import read_videos
from physscale.dataset.folder import open_dataset
from physscale.dataset.frames import is_frame_shard, open_frames
from physscale.records.errors import UserError
from physscale.records.store import read_folder
from physscale.records.video import Videos


def read_parts(path: Path) -> Iterator[Videos]:
    """The rows in order, one shard at a time.

    Raises:
        UserError: if there is no such file or folder.
        DamagedData: for the first part that is missing, torn or altered.
    """
    if path.is_dir():
        folder = open_dataset(path)
        read_folder(path)
        yield from folder.batches(rows=folder.layout.rows_per_shard)
    elif path.suffix in (".hdf5", ".h5"):
        yield _published(path)
    elif is_frame_shard(path):
        shard = open_frames(path)
        yield shard.take(np.arange(len(shard.states)))
    elif path.exists():
        yield read_videos(path)
    else:
        raise UserError(f"{path}: no such file or data set")


def read_whole(path: Path) -> Videos:
    """All rows at once. Errors are those of `read_parts`."""
    return Videos.concat(list(read_parts(path)))


def rows_with_frames(path: Path) -> Int[np.ndarray, " rows"]:
    """The numbers of an Arrow file's rows, if they have frames; a shard's frames stay packed.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn or altered.
    """
    if is_frame_shard(path):
        return open_frames(path).states.index
    videos = read_videos(path)
    return videos.index if videos.pixels is not None else videos.index[:0]


def read_rows(path: Path, *, indices: Int[np.ndarray, " rows"]) -> Videos:
    """The rows of an Arrow file with these numbers, in the file's order. Errors are those of
    `rows_with_frames`."""
    if is_frame_shard(path):
        shard = open_frames(path)
        return shard.take(np.flatnonzero(np.isin(shard.states.index, indices)))
    videos = read_videos(path)
    return videos.take(np.flatnonzero(np.isin(videos.index, indices)))


def _published(path: Path) -> Videos:
    try:
        from physscale.dataset.hdf5 import read_published
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: reading HDF5 needs h5py; install physscale[hdf5]") from error
    return read_published(path)
