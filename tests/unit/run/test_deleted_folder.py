"""A run's folder that was deleted while it trained is not continued: its history has a hole."""

import shutil
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from tests.tiny import tiny_run


def test_checkpoints_without_run_json_are_refused(tmp_path: Path) -> None:
    store, run = Store(tmp_path), tiny_run(steps=2, videos=8)
    folder = store.run(run.fingerprint)
    (folder.checkpoints / "step_00000001").mkdir(parents=True)
    with pytest.raises(UserError, match=r"\A[^\n]*no run\.json, so a part of this run was deleted"):
        execute(run, store=store, context=PlainContext())
    assert not folder.spec.exists()
    shutil.rmtree(folder.root)
    execute(run, store=store, context=PlainContext())
    assert folder.scores.exists()
