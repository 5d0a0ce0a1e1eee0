"""A study's folder that is moved or deleted while its runs go on: the drive ends in one line, and
writes no second, half study at the old place."""

import shutil
import time
from pathlib import Path

import pytest

from physscale.records.errors import ResultsGone
from physscale.records.store import Store
from physscale.run.context import Context
from physscale.run.spec import RunSpec
from physscale.scheduling.attempt import Execute
from tests.sweep_doubles import drive_plainly, tiny_study

STUDY = tiny_study()


def moving(run: RunSpec, *, store: Store, context: Context) -> None:
    store.root.rename(store.root.with_name("elsewhere"))
    wait_to_be_stopped(context)


def deleting(run: RunSpec, *, store: Store, context: Context) -> None:
    shutil.rmtree(store.root)
    wait_to_be_stopped(context)


def wait_to_be_stopped(context: Context) -> None:
    deadline_s = time.monotonic() + 60
    while not context.stop_requested():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.parametrize("execute", [moving, deleting])
def test_it_ends_in_one_line_and_nothing_is_written_there(tmp_path: Path, execute: Execute) -> None:
    store = Store(tmp_path / "study")
    with pytest.raises(ResultsGone, match="study: was moved or deleted") as gone:
        drive_plainly(STUDY, store=store, execute=execute)
    assert gone.value.exit_code == 1
    assert not store.root.exists()
