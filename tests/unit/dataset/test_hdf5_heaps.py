"""Blocks of values of variable length: whole ones pass, and one without an end is refused."""

from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.source import read_whole
from physscale.records.errors import DamagedData

h5py = pytest.importorskip("h5py", reason="the extra `hdf5` is not installed")

from physscale.dataset.hdf5_heaps import checked_count  # noqa: E402
from tests.fuzz import hdf5  # noqa: E402


@pytest.mark.parametrize("chunks", [None, 7])
def test_whole_files_pass_and_damaged_ones_do_not(tmp_path: Path, chunks: int | None) -> None:
    path = tmp_path / "many.hdf5"
    with h5py.File(path, "w") as file:
        values = file.create_dataset("a", 200, dtype=h5py.vlen_dtype(np.uint8), chunks=chunks)
        for place in range(len(values)):
            values[place] = np.full(place % 70, 71, np.uint8)
    with h5py.File(path) as file:
        assert checked_count(path, file["a"]) == 200
    whole = path.read_bytes()
    heap = whole.index(b"GCOL")
    for size in (bytes(8), b"\xff" * 8, b"\xf0" + b"\xff" * 7):
        path.write_bytes(whole[: heap + 24] + size + whole[heap + 32 :])
        with h5py.File(path) as file, pytest.raises(ValueError, match="does not end"):
            checked_count(path, file["a"])


def test_a_file_whose_end_was_never_copied_is_refused(tmp_path: Path) -> None:
    """libhdf5 2.0 reads the zeros as free space of no size, for ever."""
    for number, whole in enumerate(hdf5.seeds()):
        heap = whole.index(b"GCOL")
        for kept in (heap + 16, heap + 40):
            file = tmp_path / f"{number}_{kept}.hdf5"
            file.write_bytes(whole[:kept] + bytes(len(whole) - kept))
            with pytest.raises(DamagedData, match="published layout"):
                read_whole(file)
