"""The watchdog's judgement on ledgers and notes as runs leave them; the cluster's state is given,
all else is real."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from physscale.ray_jobs import watchdog
from physscale.ray_jobs.watchdog import NodeShare, Watchdog
from physscale.records.errors import Unschedulable
from physscale.records.ledger import Owner, State
from physscale.records.store import Store
from physscale.scheduling.attempt import Job
from physscale.scheduling.resources import Machine, Node
from physscale.scheduling.waiting import Wait, clear, note, noting, wait_of
from tests.sweep_doubles import counting_execute, tiny_study

STUDY = tiny_study(seeds=range(2))
FIRST, SECOND = STUDY.runs
MACHINE = Machine(run_cpus=1.0, data_cpus=1.0, patience_s=0.3)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(watchdog, "_LOOK_S", -1.0)
    cluster_of(monkeypatch, Node(2.0))
    job = Job(root=tmp_path, driver=Owner(), execute=counting_execute)
    job.ledger.plan(list(STUDY.runs))
    return job


def cluster_of(monkeypatch: pytest.MonkeyPatch, node: Node) -> None:
    monkeypatch.setattr(
        watchdog, "free_nodes", lambda: [NodeShare("10.0.0.7", node, Node(0.5), ("1 CPU + 1 CPU",))]
    )


def watching(job: Job, *, machine: Machine = MACHINE) -> Watchdog:
    dog = Watchdog(
        list(STUDY.runs.values()), job=job, machine=machine, verdict=job.root / "verdict"
    )
    assert not dog.stop_all(), "the first look is news"
    time.sleep(0.4)
    return dog


def test_a_run_that_computes_is_left_alone_however_long(job: Job) -> None:
    job.ledger.claim(FIRST, owner=Owner())
    assert not watching(job).stop_all()
    assert not (job.root / "watchdog.log").exists()


def test_own_runs_that_all_wait_are_ended_with_the_reason(job: Job) -> None:
    owner = Owner()
    job.ledger.claim(FIRST, owner=owner)
    note(
        job.store.run(FIRST),
        Wait("0.5 CPU for its data", job.driver.token, since_s=time.time() - 70),
    )
    dog = watching(job)
    assert dog.stop_all()
    said = dog.verdict.read_text()
    assert (
        f"run {FIRST[:12]} (process {owner.process} on {owner.host}) waits for 0.5 CPU for its "
        "data, since 70 s" in said
    )
    assert f"{SECOND[:12]} wait for a place: 1 CPU + 1 CPU each" in said
    assert "node 10.0.0.7: 0.5 of 2 CPU free, held by groups of 1 x (1 CPU + 1 CPU)" in said
    assert said.split("; ")[0] in (job.root / "watchdog.log").read_text()


def test_one_that_computes_saves_those_that_wait(job: Job) -> None:
    for run in (FIRST, SECOND):
        job.ledger.claim(run, owner=Owner())
    note(job.store.run(FIRST), Wait("0.5 CPU for its data", job.driver.token))
    assert not watching(job).stop_all()


def test_another_drivers_waiting_runs_are_told_and_left_to_it(job: Job) -> None:
    job.ledger.claim(FIRST, owner=Owner())
    note(job.store.run(FIRST), Wait("0.5 CPU for its data", "another"))
    assert not watching(job).stop_all()
    assert "waits for 0.5 CPU for its data" in (job.root / "watchdog.log").read_text()


def test_every_ending_is_an_advance(job: Job) -> None:
    dog, owner = watching(job, machine=replace(MACHINE, patience_s=0.5)), Owner()
    for run in (FIRST, SECOND):
        job.ledger.claim(run, owner=owner)
        job.ledger.finish(run, State.DONE, owner=owner)
        assert not dog.stop_all()
        time.sleep(0.4)
    assert not (job.root / "watchdog.log").exists()


def test_runs_that_no_node_left_can_hold_are_given_up_unless_others_will_come(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of(monkeypatch, Node(1.0))
    assert not watching(job, machine=replace(MACHINE, nodes=4, node_cpus=8.0)).stop_all()
    with pytest.raises(Unschedulable, match="the nodes have 1 CPU"):
        watching(job).stop_all()


def test_a_wait_that_lasts_is_noted_and_the_note_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("physscale.scheduling.waiting._WORTH_NOTING_S", 0.1)
    folder, go_on = Store(tmp_path).run(FIRST), threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        go_on.wait(30)
        yield 2

    items = noting(slow(), folder=folder, wants="0.5 CPU", driver="me")
    assert next(items) == 1
    assert wait_of(folder) is None
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.extend(items))
    reader.start()
    deadline_s = time.monotonic() + 20
    while (wait := wait_of(folder)) is None:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    assert (wait.wants, wait.driver) == ("0.5 CPU", "me")
    go_on.set()
    reader.join()
    assert got == [2]
    assert wait_of(folder) is None
    clear(folder)
