"""What a reader may do with anybody's bytes: read them, or refuse them in one line."""

import resource
from pathlib import Path
from types import ModuleType

from physscale.records.errors import UserError

MOST_BYTES = 1 << 30
LONGEST_LINE = 1000
TARGETS = (
    "checkpoints",
    "configuration",
    "hdf5",
    "ledger",
    "manifests",
    "mp4",
    "overrides",
    "shards",
    "tables",
    "where",
)
"""Modules of this folder. Each has `seeds()`, small real inputs, and `read(data, folder)`, which
gives the bytes to a reader of the project and may write into the folder."""


def judge(target: ModuleType, data: bytes, *, folder: Path) -> None:
    """Reads the bytes.

    Raises:
        Exception: whatever is neither a whole reading nor a refusal in one line.
    """
    said, before = "nothing", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        target.read(data, folder)
    except UserError as refused:
        said = str(refused)
    assert 0 < len(said) <= LONGEST_LINE, f"says {said[:200]!r}"
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown < MOST_BYTES, f"took {grown / 1e9:.1f} GB"
