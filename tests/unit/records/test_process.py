"""Who is alive: one machine, one boot and one PID namespace, or no word about it."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from physscale.records.json_lines import append_line
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.process import Process, boot_id, pid_namespace
from physscale.records.scratch import abandoned, keep, own

FORK = multiprocessing.get_context("fork")
DAY_S = 24 * 3600.0


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    child = FORK.Process(target=time.sleep, args=(0,))
    child.start()
    child.join()
    return child.pid or 0


ELSEWHERE = [
    {"host": "elsewhere"},
    {"boot": "another"},
    {"namespace": "pid:[1]"},
    {"boot": None},
    {"namespace": None},
]


def test_a_process_of_this_machine_is_judged_by_its_number(dead: int) -> None:
    assert not Process().gone()
    assert Process(process=dead).gone()


@pytest.mark.parametrize("changed", ELSEWHERE, ids=str)
def test_a_process_that_cannot_be_seen_from_here_is_never_called_gone(
    dead: int, changed: dict[str, str | None]
) -> None:
    assert not replace(Process(process=dead), **changed).gone()


@pytest.mark.parametrize("changed", ELSEWHERE, ids=str)
def test_two_containers_of_one_host_name_do_not_take_each_others_runs(
    tmp_path: Path, dead: int, changed: dict[str, str | None]
) -> None:
    book = Ledger(tmp_path / "ledger.jsonl")
    assert book.claim("a", owner=replace(Owner(process=dead), **changed))
    assert not book.claim("a", owner=Owner())
    assert book.entries()["a"].state is State.RUNNING


def test_an_older_ledger_is_read_and_its_heartbeats_decide(tmp_path: Path, dead: int) -> None:
    book = Ledger(tmp_path / "ledger.jsonl")
    owner = {"host": Process().host, "process": dead, "token": "0123456789ab"}
    line = {"run": "a", "state": "RUNNING", "claim": True, "owner": owner}
    append_line(book.path, {**line, "time_s": time.time()})
    assert book.entries()["a"].state is State.RUNNING
    append_line(book.path, {**line, "time_s": time.time() - 3600})
    assert book.entries()["a"].state is State.PREEMPTED
    assert book.claim("a", owner=Owner())


def test_reading_writes_nothing_where_no_run_is_at_work(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger.jsonl")
    append_line(book.path, {"run": "a", "state": "PLANNED", "time_s": 0.0})
    (tmp_path / ".ledger.jsonl.lock").unlink(missing_ok=True)
    before = list(tmp_path.iterdir())
    assert book.entries()["a"].state is State.PLANNED
    assert list(tmp_path.iterdir()) == before


def test_another_pid_namespace_has_another_name() -> None:
    asked = "from physscale.records.process import pid_namespace; print(pid_namespace())"
    command = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("this machine makes no PID namespaces for us")
    done = subprocess.run(
        [*command, sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert None not in (boot_id(), pid_namespace())
    assert done.stdout.strip() not in ("None", pid_namespace())


def test_a_scratch_folder_goes_with_its_process_alone(tmp_path: Path, dead: int) -> None:
    own(tmp_path)
    owner = tmp_path / "owner.json"
    assert not abandoned(tmp_path, now_s=None)
    owner.write_text(json.dumps(asdict(Process(process=dead))))
    assert abandoned(tmp_path, now_s=None)
    owner.write_text(json.dumps(asdict(Process(process=dead, host="elsewhere"))))
    now_s = owner.stat().st_mtime
    assert not abandoned(tmp_path, now_s=None)
    assert not abandoned(tmp_path, now_s=now_s + 0.9 * DAY_S)
    assert abandoned(tmp_path, now_s=now_s + 1.1 * DAY_S)
    os.utime(owner, (0, 0))
    keep(tmp_path)
    assert not abandoned(tmp_path, now_s=now_s + 0.9 * DAY_S), "a sign of life"


def test_a_folder_that_does_not_say_whose_it_is_is_kept_for_a_day(tmp_path: Path) -> None:
    now_s = tmp_path.stat().st_mtime
    assert not abandoned(tmp_path, now_s=now_s)
    assert abandoned(tmp_path, now_s=now_s + 1.1 * DAY_S)
