"""Keeping results and machine in order: `physscale gc` and `physscale doctor`."""

from pathlib import Path

import pytest

from physscale.records.store import Store, write_folder
from physscale.study.plan import plan
from physscale.study.spec import load_study
from tests.command_line import said
from tests.paths import ROOT
from tests.sweep_doubles import finish


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_gc_removes_what_nobody_needs_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "quickstart")
    study = load_study("quickstart").only(["gap"])
    (run,) = study.runs.values()
    finish(store, runs=study.runs)
    folder = store.run(run.fingerprint)
    for step in (500, 1000, 1500):
        with write_folder(folder.checkpoints / f"step_{step:08d}") as temporary:
            (temporary / "model.safetensors").write_bytes(b"0" * 1000)
    (folder.root / ".run.json.0123.tmp").write_bytes(b"half")
    code, out, _ = said(["gc", "quickstart", "--dry-run", "--results", str(tmp_path)], capsys)
    assert "3 items" in out
    assert len(list(folder.checkpoints.iterdir())) == 3
    code, out, _ = said(["gc", "quickstart", "--results", str(tmp_path)], capsys)
    assert code == 0
    assert [path.name for path in folder.checkpoints.iterdir()] == ["step_00001500"]
    assert plan(study, store=store, flops_per_s=1e10)[0].state == "DONE"
    assert "0 items" in said(["gc", "quickstart", "--results", str(tmp_path)], capsys)[1]


def test_doctor_finds_a_token_that_others_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    (tmp_path / ".ray").mkdir()
    token = tmp_path / ".ray" / "auth_token"
    token.write_text("secret")
    token.chmod(0o644)
    code, out, _ = said(["doctor", "--results", str(tmp_path)], capsys)
    assert code == 2
    assert "chmod 600" in out
    assert "secret" not in out
    token.chmod(0o600)
    assert said(["doctor", "--results", str(tmp_path)], capsys)[0] == 0
