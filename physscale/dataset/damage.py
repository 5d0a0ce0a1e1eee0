"""What is said of a file that is no whole file of videos: what it is, by its first bytes, and what
to do. It may be anybody's, so nobody is told to delete it."""

from pathlib import Path

from physscale.records.errors import DamagedData
from physscale.records.regular import regular

__all__ = ["ARROW", "DESCRIPTION", "HDF5", "MEND", "begins", "damaged", "unreadable"]

DESCRIPTION = "dataset.json"
"""The file that makes a folder a data set."""

MEND = "the same `physscale simulate` mends what is damaged, and only that"

ARROW, HDF5 = b"ARROW1\0\0", b"\x89HDF\r\n\x1a\n"
OTHERS = (
    (b"PAR1", "a Parquet file; videos are Arrow IPC files or HDF5"),
    (
        b"version https://git-lfs",
        "a pointer of Git LFS, not the file itself; `git lfs pull` brings it",
    ),
    (b"\xff\xff\xff\xff", "an Arrow stream; write it as a file (pyarrow.ipc.new_file)"),
    (b"\x80", "a pickle, which nothing here opens; write it as an Arrow IPC file"),
    (b"PK\x03\x04", "a zip archive; unpack it"),
    (b"\x1f\x8b", "a gzip file; unpack it"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it"),
)
MP4 = b"ftyp"


def begins(path: Path, magic: bytes) -> bool:
    """Whether the file can be read and begins with these bytes."""
    try:
        with regular(path).open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False


def damaged(path: Path, what: str) -> DamagedData:
    """The refusal of a file of ours that is torn or altered."""
    if (path.parent / DESCRIPTION).exists():
        return DamagedData(f"{path}: {what}; {MEND}")
    return DamagedData(f"{path}: {what}; write it again, or copy it again from where it is whole")


def unreadable(path: Path, error: Exception) -> DamagedData:
    """The refusal of a file that no reader here can read."""
    try:
        with regular(path).open("rb") as file:
            first = file.read(32)
    except OSError as unread:
        return DamagedData(f"{path}: cannot be read ({unread.strerror})")
    if not first:
        return damaged(path, "an empty file")
    for magic, what in OTHERS:
        if first.startswith(magic):
            return DamagedData(f"{path}: {what}")
    if first[4:8] == MP4:
        return DamagedData(f"{path}: an mp4 file; `physscale evaluate` reads it, with --truth")
    if first.startswith(ARROW):
        return damaged(path, f"a torn or altered Arrow file ({type(error).__name__})")
    return DamagedData(f"{path}: neither an Arrow IPC file of videos nor HDF5")
