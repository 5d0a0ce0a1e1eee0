"""Results behind a link are results; a link to nowhere is no empty study."""

import json
from pathlib import Path

import pytest

from tests.command_line import said


def test_a_link_is_followed_and_one_to_nowhere_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "disk" / "quickstart").mkdir(parents=True)
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    status = ["status", "quickstart", "--json", "--results", str(tmp_path / "results")]
    code, out, _ = said(status, capsys)
    assert code == 0
    assert {run["state"] for run in json.loads(out)["runs"]} == {"PLANNED"}
    study = tmp_path / "disk" / "quickstart"
    study.rmdir()
    study.symlink_to(tmp_path / "an_unplugged_disk")
    for command in (["status"], ["plan"], ["run", "--backend", "plain"], ["gc"], ["push"]):
        words = [command[0], "quickstart", *command[1:], *status[-2:]]
        words += [str(tmp_path / "target")] * (command == ["push"])
        code, out, err = said(words, capsys)
        assert (code, out) == (2, ""), command
        assert err.startswith(f"physscale: {tmp_path}/results/quickstart: no folder"), command
        assert err.count("\n") == 1
