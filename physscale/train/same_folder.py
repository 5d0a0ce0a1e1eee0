"""One folder for all workers: the first one chooses, and nobody goes on before all see that very
one. A file system may show each node another state for a while."""

import logging
import struct
import time
from pathlib import Path

from physscale.records.errors import DamagedData
from physscale.records.store import MANIFEST, read_folder, sha256_of
from physscale.train.parallel import Workers

__all__ = ["SEEN_WITHIN_S", "same_folder"]

SEEN_WITHIN_S = 120.0
"""How long a worker waits until it sees the folder that the first worker chose. NFS clients keep a
directory listing for up to 60 s (`acdirmax`)."""

_LOOK_S = 0.25

_CHOICE = struct.Struct(">64s32s")
"""A folder's name and the SHA-256 of its manifest; no name: there is no folder."""


def same_folder(found: Path | None, *, parent: Path, workers: Workers) -> Path | None:
    """What the first worker found below `parent`, once every worker sees that very folder: it
    verifies, and its manifest has the same SHA-256. Every worker calls it; only what the first one
    found counts.

    Raises:
        DamagedData: on every worker, when some do not see it within `SEEN_WITHIN_S`.
    """
    if workers.world == 1:
        return found
    said = _CHOICE.pack(b"", b"")
    if workers.rank == 0 and found is not None:
        said = _CHOICE.pack(found.name.encode(), bytes.fromhex(sha256_of(found / MANIFEST)))
    name, digest = _CHOICE.unpack(workers.gathered(said)[0])
    if not name.strip(b"\0"):
        return None
    folder = parent / name.strip(b"\0").decode()
    seen = workers.rank == 0 or _seen(folder, digest=digest.hex())
    blind = [rank for rank, sees in enumerate(workers.gathered(bytes([seen]))) if not sees[0]]
    if blind:
        raise DamagedData(
            f"{folder}: workers {blind} of {workers.world} did not see it whole with manifest "
            f"SHA-256 {digest.hex()} within {SEEN_WITHIN_S:g} s; look at their file system, then "
            "run again"
        )
    return folder


def _seen(folder: Path, *, digest: str) -> bool:
    """Whether the folder verifies with this manifest before the patience ends."""
    deadline, said = time.monotonic() + SEEN_WITHIN_S, ""
    while reason := _unseen(folder, digest=digest):
        if reason != said:
            logging.getLogger(__name__).warning("waiting for a folder: %s", reason)
            said = reason
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True


def _unseen(folder: Path, *, digest: str) -> str:
    """Why this worker cannot take the folder; empty when it can. Large files are read last."""
    try:
        own = sha256_of(folder / MANIFEST)
        if own != digest:
            return f"{folder}: manifest SHA-256 {own}, not {digest}"
        read_folder(folder)
    except (DamagedData, OSError) as error:
        return str(error)
    return ""
