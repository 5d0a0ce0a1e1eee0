"""A lease while it is held, and every way in which an attempt ends."""

import errno
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from physscale.records.errors import DiskFull, Preempted, Unschedulable, UserError
from physscale.records.ledger import Ledger, Owner, State
from physscale.scheduling import attempt as attempt_module
from physscale.scheduling.attempt import HELD, Job, Lease, attempt, buried, driving


@dataclass(frozen=True)
class Run:
    fingerprint: str = "a" * 64
    packs_with: None = None
    workers: int = 1


RUN = Run()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(root=tmp_path, driver=Owner(), execute=print)
    job.folder.mkdir()
    return job


@pytest.fixture
def dead() -> Owner:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(0,))
    child.start()
    child.join()
    return Owner(process=child.pid or 0)


def soon(true: Callable[[], bool]) -> bool:
    end_s = time.monotonic() + 30
    while not true() and time.monotonic() < end_s:
        time.sleep(0.02)
    return true()


def test_a_refusal_stops_the_drive_and_says_why(job: Job) -> None:
    job.check_refusal()
    assert not job.stop_mark.exists()
    job.refuse(UserError("no GPU here"))
    assert job.stop_mark.exists()
    with pytest.raises(Unschedulable, match="no GPU here"):
        job.check_refusal()


def test_a_full_disk_stops_the_drive_and_is_named(job: Job) -> None:
    job.refuse(DiskFull("x"))
    assert job.stop_mark.exists()
    with pytest.raises(DiskFull, match=str(job.root)):
        job.check_refusal()


def test_a_driver_is_gone_with_either_of_its_processes(job: Job, dead: Owner) -> None:
    assert not job.driver_is_gone()
    assert not replace(job, sweeper=Owner()).driver_is_gone()
    assert replace(job, sweeper=dead).driver_is_gone()
    assert replace(job, driver=dead).driver_is_gone()
    assert replace(job, driver=dead, sweeper=Owner()).driver_is_gone()


def test_drivers_keep_their_folders_while_they_live(tmp_path: Path, dead: Owner) -> None:
    old, mine = (Job(root=tmp_path, driver=owner, execute=print) for owner in (dead, Owner()))
    with driving(old):
        (old.folder / "owner.json").write_text(
            (old.folder / "owner.json").read_text().replace(str(os.getpid()), str(dead.process))
        )
        with driving(mine):
            assert mine.folder.is_dir()
            assert not old.folder.exists(), "its driver is gone"
            os.utime(mine.folder / "owner.json", (0, 0))
            mine.keep()
            assert (mine.folder / "owner.json").stat().st_mtime > 0
            with driving(Job(root=tmp_path, driver=Owner(), execute=print)):
                assert mine.folder.is_dir()
        assert not mine.folder.exists()


def test_a_lease_is_kept_alive_until_it_is_closed_or_lost(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_module, "STALE_S", 0.3)
    owner = Owner()
    assert job.ledger.claim(RUN.fingerprint, owner=owner)

    def beat_s() -> float:
        return job.ledger.entries()[RUN.fingerprint].time_s

    claimed_s = beat_s()
    with Lease(RUN, job=job, owner=owner) as lease:
        assert soon(lambda: beat_s() > claimed_s)
        assert not lease.stop_requested()
        job.ledger.reopen(RUN.fingerprint)
        assert soon(lease.stop_requested), "somebody else may have it now"


def test_a_stop_mark_reaches_the_run(job: Job) -> None:
    def body(lease: Lease) -> None:
        assert not lease.stop_requested()
        job.ask_to_stop()
        assert soon(lease.stop_requested)
        raise Preempted

    assert attempt(RUN, job=job, body=body) == State.PREEMPTED
    assert job.ledger.entries()[RUN.fingerprint].state is State.PREEMPTED
    assert attempt(RUN, job=job, body=body) == State.PREEMPTED, "nothing is begun any more"
    assert job.ledger.entries()[RUN.fingerprint].attempts == 1


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("raised", "ends", "refused"),
    [
        (None, State.DONE, None),
        (ValueError("bad\nthing"), State.FAILED, None),
        (Unschedulable("no GPU"), State.PREEMPTED, Unschedulable),
        (DiskFull("x"), State.PREEMPTED, DiskFull),
        (FULL, State.PREEMPTED, DiskFull),
    ],
    ids=lambda value: getattr(value, "__name__", None) or repr(value),
)
def test_an_attempt_ends_as_its_body_does(
    job: Job, raised: Exception | None, ends: State, refused: type[UserError] | None
) -> None:
    def body(lease: Lease) -> None:
        if raised is not None:
            raise raised

    error_file = job.store.run(RUN.fingerprint).root / "error.txt"
    error_file.parent.mkdir(parents=True)
    error_file.write_text("of the attempt before")
    assert attempt(RUN, job=job, body=body) == ends
    entry = job.ledger.entries()[RUN.fingerprint]
    assert entry.state is ends
    assert 0 <= entry.details["seconds"] < 60
    assert error_file.exists() is (ends is not State.DONE)
    if ends is State.FAILED:
        assert (entry.details["kind"], entry.details["error"]) == ("ValueError", "bad thing")
        assert "bad\nthing" in error_file.read_text()
    if refused is not None:
        with pytest.raises(refused):
            job.check_refusal()
    else:
        job.check_refusal()


def test_a_run_that_was_taken_over_meanwhile_is_held_by_another(job: Job) -> None:
    def body(lease: Lease) -> None:
        job.ledger.reopen(RUN.fingerprint)

    assert attempt(RUN, job=job, body=body) == HELD
    assert job.ledger.entries()[RUN.fingerprint].state is State.PLANNED


def test_a_process_that_died_without_a_word_is_written_down_once(job: Job) -> None:
    buried(RUN, job=job, reason="killed " * 100 + "by\n the kernel")
    entry = Ledger(job.store.ledger).entries()[RUN.fingerprint]
    assert (entry.state, entry.details["kind"]) == (State.FAILED, "WorkerDied")
    assert entry.details["error"].endswith("by the kernel")
    assert len(entry.details["error"]) == 300
    assert job.ledger.claim(RUN.fingerprint, owner=Owner(host="elsewhere"))
    buried(RUN, job=job, reason="again")
    assert job.ledger.entries()[RUN.fingerprint].state is State.RUNNING
