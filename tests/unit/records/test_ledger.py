"""Leases to the second, and what is written when a run is opened again or ended elsewhere."""

import time
from pathlib import Path
from typing import Any

import pytest

from physscale.records import ledger as ledger_module
from physscale.records.errors import DamagedData
from physscale.records.json_lines import append_line
from physscale.records.ledger import STALE_S, Entry, Ledger, Owner, State


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


def ended(run: str, state: State = State.DONE) -> dict[str, Any]:
    """How the run ended in another ledger."""
    return {"run": run, "state": state.value, "time_s": 1.0, "seconds": 2.0}


def test_a_lease_is_held_until_it_is_stale_to_the_second() -> None:
    entry = Entry(State.RUNNING, time_s=100.0, owner=Owner(), attempts=1, details={})
    assert entry.held(now_s=100.0 + STALE_S)
    assert not entry.held(now_s=100.5 + STALE_S)
    for other in set(State) - {State.RUNNING}:
        assert not Entry(other, 100.0, Owner(), 1, {}).held(now_s=100.0)
    assert not Entry(State.RUNNING, 100.0, None, 1, {}).held(now_s=100.0)


def test_a_heartbeat_makes_an_old_lease_young(book: Ledger) -> None:
    owner = Owner(host="elsewhere")
    assert book.claim("a", owner=owner)
    line = {"run": "a", "state": "RUNNING", "owner": vars(owner)}
    append_line(book.path, {**line, "time_s": time.time() - 2 * STALE_S})
    assert book.entries()["a"].state is State.PREEMPTED
    book.heartbeat("a", owner=owner)
    entry = book.entries()["a"]
    assert (entry.state, entry.owner, entry.attempts) == (State.RUNNING, owner, 1)
    assert not book.claim("a", owner=Owner())


def test_a_run_that_is_opened_again_can_be_claimed_whatever_its_state(book: Ledger) -> None:
    for state in (State.DONE, State.DIVERGED, State.FAILED):
        owner = Owner()
        assert book.claim("a", owner=owner)
        book.finish("a", state, owner=owner)
        book.reopen("a")
        entry = book.entries()["a"]
        assert (entry.state, entry.owner, entry.details) == (
            State.PLANNED,
            None,
            {"reopened": True},
        )


@pytest.mark.parametrize("here", [None, *State])
def test_an_end_elsewhere_counts_unless_the_run_has_ended_or_runs_here(
    book: Ledger, here: State | None
) -> None:
    owner = Owner()
    if here is State.PLANNED:
        book.plan(["a"])
    elif here is not None:
        assert book.claim("a", owner=owner)
        if here is not State.RUNNING:
            book.finish("a", here, owner=owner)
    book.adopt(ended("a"))
    entry = book.entries()["a"]
    kept = here in (State.RUNNING, State.DONE, State.DIVERGED)
    assert entry.state is (here if kept else State.DONE)
    assert ("seconds" in entry.details) is not kept


def test_where_nothing_can_be_written_this_hosts_clock_decides(
    book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> float:
        raise PermissionError(path)

    assert book.claim("a", owner=Owner())
    monkeypatch.setattr(ledger_module, "shared_time_s", refused)
    assert book.entries()["a"].state is State.RUNNING
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s + 2 * STALE_S)
    assert book.entries()["a"].state is State.PREEMPTED


def test_a_ledger_that_is_not_there_is_empty_and_a_line_of_something_else_is_named(
    book: Ledger,
) -> None:
    assert book.entries() == {}
    append_line(book.path, {"run": "a", "state": "PLANNED", "time_s": 0.0})
    append_line(book.path, {"run": "a", "time_s": 0.0})
    with pytest.raises(DamagedData, match="line 2: not a line of such a file"):
        book.entries()
