"""How often a run was started without getting further.

Over weeks on many machines a run meets many failures; each costs the steps since its newest
checkpoint and nothing else. So what is counted is the starts from one checkpoint, not the failures
of a run's life."""

import json

from physscale.records.errors import DiskFull
from physscale.records.json_value import parsed
from physscale.records.store import write_atomic
from physscale.scheduling.attempt import Attempted, Job
from physscale.train.checkpoint import folders

__all__ = ["STARTS_AT_MOST", "begin", "forget"]

STARTS_AT_MOST = 3
"""From one checkpoint. A fault of the run's own comes back each time; a machine's rarely does."""


def begin(run: Attempted, *, job: Job) -> int:
    """Count one start of the run by this driver: its number since the run's newest checkpoint, from
    1."""
    checkpoints = job.store.run(run.fingerprint).checkpoints
    newest = max((folder.name for folder in folders(checkpoints)), default="")
    file = job.folder / "starts" / f"{run.fingerprint}.json"
    starts = 1
    if file.exists():
        before = parsed(file.read_text())
        starts += before["starts"] if before["newest"] == newest else 0
    try:
        write_atomic(file, json.dumps({"newest": newest, "starts": starts}).encode())
    except DiskFull as error:
        job.refuse(error)
    return starts


def forget(run: Attempted, *, job: Job) -> None:
    """The process that had the run was asked to leave: no failure."""
    (job.folder / "starts" / f"{run.fingerprint}.json").unlink(missing_ok=True)
