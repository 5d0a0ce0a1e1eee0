"""Complete or invisible, named by content, exactly one DONE: the files between the stages."""

import dataclasses
import json
import multiprocessing
import os
import signal
import stat
import time
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.records import fault
from physscale.records import ledger as ledger_module
from physscale.records.errors import DamagedData, LeaseHeld, UserError
from physscale.records.json_lines import append_line, read_lines
from physscale.records.leaving import Stopped
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import MetricLog, read_metrics
from physscale.records.spec import canonical, fingerprint
from physscale.records.store import (
    NAME,
    Store,
    checked_name,
    read_folder,
    write_atomic,
    write_folder,
)

FORK = multiprocessing.get_context("spawn")


@dataclasses.dataclass(frozen=True)
class Fall:
    height_m: float = 1.0
    speed_m_s: tuple[float, ...] = (1.0, 2.0)


@dataclasses.dataclass(frozen=True)
class Throw:
    height_m: float = 1.0
    speed_m_s: tuple[float, ...] = (1.0, 2.0)


@dataclasses.dataclass(frozen=True)
class LaterFall:
    NEUTRAL: ClassVar[dict[str, object]] = {"drag": 0.0}
    height_m: float = 1.0
    drag: float = 0.0


def test_equal_fields_of_other_classes_differ() -> None:
    assert fingerprint(Fall()) != fingerprint(Throw())


def test_a_field_added_later_is_neutral_at_its_old_value() -> None:
    assert canonical(LaterFall()) == '{"height_m":1.0,"type":"LaterFall"}'
    assert fingerprint(LaterFall(drag=0.1)) != fingerprint(LaterFall())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_exactly(value: float) -> None:
    assert json.loads(canonical(Fall(height_m=value)))["height_m"] == value


@pytest.mark.parametrize("value", [float("nan"), {1: 2}, object(), b"bytes"])
def test_what_has_no_canonical_form_raises(value: object) -> None:
    with pytest.raises(TypeError, match="canonical form"):
        canonical(value)


@given(st.text(max_size=80))
def test_accepted_names_stay_below_the_root(name: str) -> None:
    root = Path("/results")
    if NAME.fullmatch(name):
        assert (root / name).resolve().parent == root
        assert checked_name(name, what="study") == name
    else:
        with pytest.raises(UserError, match=r"\Astudy [^\n]*\Z"):
            checked_name(name, what="study")


def test_a_folder_is_complete_or_invisible(tmp_path: Path) -> None:
    target = tmp_path / "step"
    with pytest.raises(FileNotFoundError), write_folder(target) as folder:
        (folder / "half").write_text((folder / "absent").read_text())
    assert list(tmp_path.iterdir()) == []
    for text in ("one", "two"):
        with write_folder(target) as folder:
            (folder / "file").write_text(text)
        assert (read_folder(target) / "file").read_text() == text
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("position", [0, 7, 15])
def test_one_flipped_bit_is_found(tmp_path: Path, position: int) -> None:
    with write_folder(tmp_path / "a") as folder:
        (folder / "weights").write_bytes(bytes(range(16)))
    data = bytearray((tmp_path / "a" / "weights").read_bytes())
    data[position] ^= 1
    (tmp_path / "a" / "weights").write_bytes(data)
    with pytest.raises(DamagedData, match="weights"):
        read_folder(tmp_path / "a")


def test_a_folder_without_a_manifest_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match=r"manifest\.json"):
        read_folder(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where nobody may")
def test_a_read_only_place_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(UserError, match="cannot write"):
        write_atomic(tmp_path / "x", b"")


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_atomic(tmp_path / "x" / "y", b"")
    with pytest.raises(UserError, match="cannot write"):
        append_line(tmp_path / "x" / "y", {})


@pytest.mark.parametrize("name", ["file begun", "file written"])
def test_a_signal_leaves_no_half_of_a_file(tmp_path: Path, name: str) -> None:
    def strike(passed: str) -> None:
        if passed == name:
            raise Stopped(signal.SIGINT)

    write_atomic(tmp_path / "file", b"old")
    fault.arm(strike)
    try:
        with pytest.raises(Stopped):
            write_atomic(tmp_path / "file", b"new")
    finally:
        fault.arm(None)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_torn_last_line_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_line(path, {"a": 1})
    with path.open("ab") as file:
        file.write(b'{"a": 2, "torn')
    assert read_lines(path) == [{"a": 1}]
    append_line(path, {"a": 3})
    assert read_lines(path) == [{"a": 1}, {"a": 3}]


def test_a_foreign_line_in_the_middle_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\nnonsense\n{"a": 2}\n')
    with pytest.raises(DamagedData, match="line 2"):
        read_lines(path)


def append_many(path: Path, writer: int) -> None:
    for number in range(100):
        append_line(path, {"writer": writer, "number": number})


def test_many_writers_and_one_killed_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    writers = [FORK.Process(target=append_many, args=(path, writer)) for writer in range(3)]
    for process in writers:
        process.start()
    while len(read_lines(path)) < 20:
        time.sleep(0.01)
    os.kill(writers[0].pid or 0, signal.SIGKILL)
    for process in writers:
        process.join()
    for writer in (1, 2):
        assert [line["number"] for line in read_lines(path) if line["writer"] == writer] == list(
            range(100)
        )


def test_history_after_a_resume_has_no_hole_and_no_double(tmp_path: Path) -> None:
    log = MetricLog(tmp_path / "metrics.jsonl")
    for step, loss in [(1, 0.5), (2, 0.4), (3, 0.3), (2, 0.41), (3, 0.31), (4, 0.2)]:
        log.append(step=step, loss=loss)
    assert [(row["step"], row["loss"]) for row in read_metrics(log.path)] == [
        (1, 0.5),
        (2, 0.41),
        (3, 0.31),
        (4, 0.2),
    ]


def test_one_owner_at_a_time_and_one_done(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger.jsonl")
    book.plan(["a", "b"])
    book.plan(["a", "c"])
    assert list(book.entries()) == ["a", "b", "c"]
    mine, other = Owner(), Owner()
    assert book.claim("a", owner=mine)
    assert not book.claim("a", owner=other)
    book.heartbeat("a", owner=mine)
    with pytest.raises(LeaseHeld):
        book.finish("a", State.DONE, owner=other)
    book.finish("a", State.DONE, owner=mine, seconds=2.0)
    assert not book.claim("a", owner=other)
    entry = book.entries()["a"]
    assert (entry.state, entry.attempts, entry.details) == (State.DONE, 1, {"seconds": 2.0})


@pytest.mark.parametrize("state", [State.FAILED, State.PREEMPTED])
def test_what_failed_can_be_claimed_again(tmp_path: Path, state: State) -> None:
    book = Ledger(tmp_path / "ledger.jsonl")
    mine = Owner()
    book.claim("a", owner=mine)
    book.finish("a", state, owner=mine)
    assert book.claim("a", owner=Owner())
    assert book.entries()["a"].attempts == 2


def test_the_lease_of_a_dead_process_is_free(tmp_path: Path) -> None:
    gone = FORK.Process(target=time.sleep, args=(0,))
    gone.start()
    gone.join()
    book = Ledger(tmp_path / "ledger.jsonl")
    dead = Owner(process=gone.pid or 0)
    assert book.claim("a", owner=dead)
    assert book.claim("a", owner=Owner())
    with pytest.raises(LeaseHeld):
        book.heartbeat("a", owner=dead)


def test_a_silent_lease_of_another_host_lapses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Ledger(tmp_path / "ledger.jsonl")
    assert book.claim("a", owner=Owner(host="elsewhere"))
    assert not book.claim("a", owner=Owner())
    monkeypatch.setattr(ledger_module, "STALE_S", -1.0)
    assert book.entries()["a"].state is State.PREEMPTED
    assert book.claim("a", owner=Owner())


@pytest.mark.parametrize("wrong_s", [-7200.0, 7200.0])
def test_a_host_whose_clock_is_wrong_neither_loses_nor_steals_a_lease(
    wrong_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, right = Ledger(tmp_path / "ledger.jsonl"), time.time
    assert book.claim("a", owner=Owner(host="right"))
    monkeypatch.setattr(time, "time", lambda: right() + wrong_s)
    assert book.entries()["a"].state is State.RUNNING, "nor does `status` call it lost"
    assert not book.claim("a", owner=Owner(host="wrong")), "a living lease is not stolen"
    assert book.claim("b", owner=Owner(host="wrong"))
    monkeypatch.undo()
    assert not book.claim("b", owner=Owner(host="right")), "nor is its own"
    assert all(abs(entry.time_s - time.time()) < 60 for entry in book.entries().values())


def claim_all(path: Path, won: Path) -> None:
    book, owner = Ledger(path), Owner()
    for run in map(str, range(20)):
        if book.claim(run, owner=owner):
            append_line(won, {"run": run})
            book.finish(run, State.DONE, owner=owner)


def test_racing_drivers_never_share_a_run(tmp_path: Path) -> None:
    drivers = [
        FORK.Process(target=claim_all, args=(tmp_path / "ledger.jsonl", tmp_path / "won.jsonl"))
        for _ in range(3)
    ]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert sorted(int(line["run"]) for line in read_lines(tmp_path / "won.jsonl")) == list(
        range(20)
    )


def test_a_store_keeps_every_path_below_its_root(tmp_path: Path) -> None:
    run = Store(tmp_path).run("ab" * 32)
    assert run.root == tmp_path / "runs" / "abababababab"
    with pytest.raises(UserError, match="split"):
        run.samples("../escape")
