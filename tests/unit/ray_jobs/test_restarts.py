"""Starts are counted from a run's newest checkpoint."""

from dataclasses import dataclass
from pathlib import Path

from physscale.ray_jobs.restarts import STARTS_AT_MOST, begin, forget
from physscale.records.ledger import Owner
from physscale.run.execute import execute
from physscale.scheduling.attempt import Job


@dataclass(frozen=True)
class Run:
    fingerprint: str
    workers: int = 1


def test_starts_are_counted_from_the_newest_checkpoint(tmp_path: Path) -> None:
    job = Job(root=tmp_path, driver=Owner(), execute=execute)
    run, other = Run("a" * 64), Run("b" * 64)
    checkpoints = job.store.run(run.fingerprint).checkpoints
    assert [begin(run, job=job) for _ in range(3)] == [1, 2, 3] == [*range(1, STARTS_AT_MOST + 1)]
    (checkpoints / ".step_00000010.abc.tmp").mkdir(parents=True)
    assert begin(run, job=job) == 4, "half a checkpoint is none"
    for step in (10, 20):
        (checkpoints / f"step_{step:08d}").mkdir()
        assert [begin(run, job=job) for _ in range(2)] == [1, 2]
    (checkpoints / "step_00000010").rmdir()
    assert begin(run, job=job) == 3, "an old one that is deleted is no progress"
    assert begin(other, job=job) == 1
    forget(run, job=job)
    forget(run, job=job)
    assert begin(run, job=job) == 1
