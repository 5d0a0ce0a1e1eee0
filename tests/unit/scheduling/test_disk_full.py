"""A full disk ends the drive in one line. It is no fault of a run: what is saved goes on."""

import errno
import os
import stat
from pathlib import Path

import pytest

from physscale.records import store as store_module
from physscale.records.errors import DiskFull, cannot_write, disk_full
from physscale.records.ledger import Ledger, State
from physscale.records.store import Store, write_atomic
from physscale.run.context import Context
from physscale.run.spec import RunSpec
from physscale.scheduling.attempt import Execute
from tests.sweep_doubles import calls_of, counting_execute, drive_plainly, tiny_study

STUDY = tiny_study()
FULL = OSError(errno.ENOSPC, "No space left on device")


def as_the_system_says(run: RunSpec, *, store: Store, context: Context) -> None:
    raise FULL


def as_a_library_says(run: RunSpec, *, store: Store, context: Context) -> None:
    raise RuntimeError("I/O error: No space left on device (os error 28)")


def as_we_say(run: RunSpec, *, store: Store, context: Context) -> None:
    raise cannot_write(store.run(run.fingerprint).spec, FULL)


@pytest.mark.parametrize("execute", [as_the_system_says, as_a_library_says, as_we_say])
def test_it_ends_the_drive_in_one_line_and_fails_no_run(tmp_path: Path, execute: Execute) -> None:
    store = Store(tmp_path)
    with pytest.raises(DiskFull, match=r"No space left on device, the disk at /") as full:
        drive_plainly(STUDY, store=store, execute=execute)
    assert full.value.exit_code == 1
    entries = Ledger(store.ledger).entries().values()
    assert [entry.state for entry in entries] == [State.PREEMPTED, State.PLANNED, State.PLANNED]
    assert not list(tmp_path.glob(".driver-*"))
    assert drive_plainly(STUDY, store=store, execute=counting_execute).exit_code == 0, (
        "with room, it continues"
    )
    assert list(calls_of(store).values()) == [1, 1, 1]


def test_not_even_the_ledger_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)

    def full_from_here(run: RunSpec, *, store: Store, context: Context) -> None:
        monkeypatch.setattr("physscale.records.json_lines._add", refuse)
        monkeypatch.setattr(store_module.os, "fsync", refuse_content)

    def refuse(*_: object, **__: object) -> None:
        raise FULL

    def refuse_content(file: int) -> None:
        found = os.fstat(file)
        if stat.S_ISREG(found.st_mode) and found.st_size:
            raise FULL

    with monkeypatch.context(), pytest.raises(DiskFull):
        drive_plainly(STUDY, store=store, execute=full_from_here)
    monkeypatch.undo()
    assert State.DONE not in {entry.state for entry in Ledger(store.ledger).entries().values()}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_an_error_names_the_disk(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, store_module.os.strerror(number))

    monkeypatch.setattr(store_module.os, "fsync", refuse)
    monkeypatch.setattr("os.path.ismount", lambda place: Path(place) == tmp_path)
    with pytest.raises(DiskFull, match=f"the disk at {tmp_path};") as full:
        write_atomic(tmp_path / "runs" / "file", b"content")
    assert disk_full(full.value)
    assert not list((tmp_path / "runs").iterdir()), "no half of a file stays"
