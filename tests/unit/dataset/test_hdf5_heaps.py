"""Blocks of values of variable length: whole ones pass, and one without an end is refused."""

from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.source import read_whole
from physscale.records.errors import DamagedData

h5py = pytest.importorskip("h5py", reason="the extra `hdf5` is not installed")

from physscale.dataset.hdf5_heaps import check_heaps  # noqa: E402
from tests.fuzz import hdf5  # noqa: E402


def test_whole_files_pass(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "many.hdf5", "w") as file:
        values = file.create_dataset("a", 3000, dtype=h5py.vlen_dtype(np.uint8))
        for place in range(len(values)):
            values[place] = np.frombuffer(b"GCOL\x01\0\0\0" * (place % 7), np.uint8)
    check_heaps(tmp_path / "many.hdf5")


def test_a_file_whose_end_was_never_copied_is_refused(tmp_path: Path) -> None:
    """libhdf5 2.0 reads the zeros as free space of no size, for ever."""
    for number, whole in enumerate(hdf5.seeds()):
        heap = whole.index(b"GCOL")
        for kept in (heap + 16, heap + 40):
            file = tmp_path / f"{number}_{kept}.hdf5"
            file.write_bytes(whole[:kept] + bytes(len(whole) - kept))
            with pytest.raises(DamagedData, match="published layout"):
                read_whole(file)
