"""A driver whose Ray dies: it is started again, and given up if it dies again and again."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from physscale.records.errors import ClusterLost
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.store import Store
from physscale.scheduling.attempt import Job
from physscale.scheduling.resources import Machine
from physscale.study import drive as drive_module
from physscale.study.drive import Ending, drive
from tests.sweep_doubles import counting_execute, finish, no_watch, tiny_study

STUDY = tiny_study()


def driven(store: Store) -> Ending:
    return drive(
        STUDY,
        store=store,
        backend="ray",
        machine=Machine(),
        execute=counting_execute,
        watch=no_watch,
    )


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Callable[[], None]]], None]:
    """Each start of Ray does the next of these, and then dies, unless it was the last."""

    def install(lives: list[Callable[[], None]]) -> None:
        left = iter(enumerate(lives, start=1))

        def live(work: Any, *, log: Path) -> None:
            number, life = next(left)
            life()
            if number < len(lives):
                raise ClusterLost("its process ended")

        monkeypatch.setattr(drive_module, "apart", live)

    return install


def nothing() -> None:
    """No run ends."""


def one_by_one(store: Store) -> Iterator[Callable[[], None]]:
    """Ends one run after the other."""
    for full, run in STUDY.runs.items():
        yield lambda full=full, run=run: finish(store, runs={full: run})


def test_ray_is_started_again_and_the_runs_go_on(
    tmp_path: Path, dying: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    dying([nothing, nothing, nothing, lambda: finish(store, runs=STUDY.runs)])
    assert driven(store).exit_code == 0
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(line.startswith("physscale: Ray has died (its process ended;") for line in said)


def test_deaths_are_counted_since_the_last_run_that_ended(tmp_path: Path, dying: Any) -> None:
    store = Store(tmp_path)
    first, second, third = one_by_one(store)
    dying([nothing, nothing, first, nothing, nothing, second, nothing, nothing, third])
    assert driven(store).exit_code == 0


def test_a_ray_that_dies_again_and_again_is_given_up_in_one_line(
    tmp_path: Path, dying: Any
) -> None:
    dying([nothing] * 9)
    with pytest.raises(ClusterLost, match=r"died 4 times.*ray\.log.*continues") as lost:
        driven(Store(tmp_path))
    assert lost.value.exit_code == 6
    assert not list(tmp_path.glob(".driver-*"))


def test_what_was_begun_is_ended_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The half-done run came in its old place, behind longer ones that had not begun."""
    store, orders = Store(tmp_path), []

    def live(work: Any, *, log: Path) -> None:
        orders.append([run.fingerprint for run in work.args[0]])
        finish(store, runs=STUDY.runs)

    monkeypatch.setattr(drive_module, "apart", live)
    first, second, third = STUDY.runs
    ledger, owner = Ledger(store.ledger), Owner()
    ledger.plan(list(STUDY.runs))
    assert ledger.claim(third, owner=owner)
    ledger.finish(third, State.PREEMPTED, owner=owner)
    driven(store)
    assert orders == [[third, first, second]]


def test_what_ended_before_is_kept(tmp_path: Path, dying: Any) -> None:
    store = Store(tmp_path)
    first, *_ = one_by_one(store)
    dying([first] + [nothing] * 9)
    with pytest.raises(ClusterLost):
        driven(store)
    states = [entry.state for entry in Ledger(store.ledger).entries().values()]
    assert states.count(State.DONE) == 1


def test_the_processes_of_runs_end_with_the_one_that_talks_to_ray(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    job = Job(root=tmp_path, driver=Owner(), execute=counting_execute)
    assert not job.driver_is_gone()
    assert not replace(job, sweeper=Owner()).driver_is_gone()
    assert replace(job, sweeper=Owner(process=child.pid)).driver_is_gone()
