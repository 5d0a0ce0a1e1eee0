"""A lease whose driver, folder or disk is gone, how often it beats, and what an attempt leaves."""

import multiprocessing
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from physscale.records.errors import DiskFull, Diverged, ResultsGone
from physscale.records.ledger import Ledger, Owner, State
from physscale.scheduling import attempt as attempt_module
from physscale.scheduling.attempt import Job, Lease, abandoned_drivers, attempt, driving
from physscale.scheduling.waiting import Wait, note, wait_of
from tests.unit.scheduling.test_lease import RUN, dead, job, soon

__all__ = ["dead", "job"]  # fixtures


def hold(job: Job) -> None:
    with Lease(RUN, job=job, owner=Owner()):
        time.sleep(30)


def lease_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("lease-")]


def test_a_run_ends_with_its_driver(job: Job, dead: Owner) -> None:
    orphan = multiprocessing.get_context("fork").Process(
        target=hold, args=(replace(job, driver=dead),)
    )
    orphan.start()
    orphan.join()
    assert orphan.exitcode == 1


def test_a_lease_beats_three_times_before_it_is_stale(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that goes on by ten seconds whenever it is read: 0, then 10, 20, 30, 40."""
    read, beats = [-10.0], list[float]()

    def monotonic() -> float:
        read[0] += 10
        return read[0]

    monkeypatch.setattr(attempt_module, "time", SimpleNamespace(monotonic=monotonic))
    monkeypatch.setattr(attempt_module, "_POLL_S", 0.001)
    monkeypatch.setattr(Ledger, "heartbeat", lambda *_, **__: beats.append(read[0]))
    with Lease(RUN, job=job, owner=Owner()):
        assert soon(lambda: len(beats) > 1)
    assert lease_threads() == [], "none is left behind"
    assert beats[:2] == [50.0, 100.0], "after more than 30 s; the beat itself reads the clock once"


def test_a_full_disk_at_a_heartbeat_ends_the_drive(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(attempt_module, "STALE_S", 0.0)
    monkeypatch.setattr(Ledger, "heartbeat", full)
    with Lease(RUN, job=job, owner=Owner()) as lease:
        assert soon(lease.stop_requested), "the stop mark is set"
    with pytest.raises(DiskFull):
        job.check_refusal()


def test_a_disk_that_is_full_before_the_claim_leaves_the_run_as_it_was(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(Ledger, "claim", full)
    assert attempt(RUN, job=job, body=pytest.fail) == State.PREEMPTED.value
    with pytest.raises(DiskFull):
        job.check_refusal()


def test_results_are_gone_when_folder_and_ledger_are(job: Job) -> None:
    job.ledger.plan([RUN.fingerprint])
    with Lease(RUN, job=job, owner=Owner()) as lease:
        shutil.rmtree(job.folder)
        time.sleep(0.6)
        assert not lease.stop_requested(), "the scratch folder alone is no loss"
        job.store.ledger.unlink()

        def gone() -> bool:
            try:
                return lease.stop_requested()
            except ResultsGone as error:
                return f"{job.root}: was moved or deleted" in str(error)

        assert soon(gone)


def test_a_driver_without_a_folder_cannot_give_a_sign_of_life(tmp_path: Path) -> None:
    root = tmp_path / "not" / "yet"
    with driving(Job(root=root, driver=Owner(), execute=print)) as job:
        assert job.folder.parent == root
        shutil.rmtree(tmp_path / "not")
        with pytest.raises(ResultsGone, match=f"{root}: was moved or deleted"):
            job.keep()


def test_what_is_left_of_drivers_and_of_tunings_is_found(tmp_path: Path) -> None:
    now_s = time.time()
    for name in (".driver-1-a", ".tune-1-a", ".else-1-a"):
        (tmp_path / name).mkdir()
    assert abandoned_drivers(tmp_path, now_s=now_s) == []
    later_s = now_s + 3 * 24 * 3600
    assert [found.name for found in abandoned_drivers(tmp_path, now_s=later_s)] == [
        ".driver-1-a",
        ".tune-1-a",
    ]


@pytest.mark.parametrize("raised", [None, Diverged("the loss\nis nan"), KeyError("k")])
def test_an_attempt_leaves_no_note_that_it_waits(job: Job, raised: Exception | None) -> None:
    folder, wait = job.store.run(RUN.fingerprint), Wait("a GPU", "driver")
    folder.root.mkdir(parents=True)
    note(folder, wait)

    def body(lease: Lease) -> None:
        assert wait_of(folder) is None, "that of the attempt before"
        note(folder, wait)
        if raised is not None:
            raise raised

    ended = attempt(RUN, job=job, body=body)
    assert wait_of(folder) is None
    details = job.ledger.entries()[RUN.fingerprint].details
    assert round(details["seconds"], 3) == details["seconds"]
    if isinstance(raised, Diverged):
        assert (ended, details["error"]) == (State.DIVERGED, "the loss is nan")
        assert not (folder.root / "error.txt").exists()
