"""The plan of the paper's recipe that `cluster/paper.md` keeps is the plan as it is printed
today."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from physscale.cli.main import main
from physscale.cli.options import open_study
from physscale.cli.plan import show_plan
from physscale.scheduling.machine_file import read_machine
from physscale.study.prepare import prepare
from tests.paths import ROOT

CLUSTER = ROOT / "cluster"


@pytest.mark.parametrize("devices", [32, 64])
def test_kept_plan_is_printed_so(devices: int, tmp_path: Path) -> None:
    opened = open_study("paper", results=tmp_path, overrides=[f"workers={devices}"])
    out = io.StringIO()
    machine = read_machine(CLUSTER / f"a100x{devices}.yaml")
    show_plan(prepare(opened, machine=machine), out=Console(file=out, width=200))
    lines = out.getvalue().rstrip().splitlines()
    kept = "\n".join([*lines[:11], "...", *lines[-8:]])
    assert kept in (CLUSTER / "paper.md").read_text()
    assert f"{devices} of {devices} GPU" in kept
    assert "memory: at most" in kept


def test_kept_encoding_is_printed_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = [
        "--machine",
        str(CLUSTER / "a100x32.yaml"),
        "--workers",
        "32",
        "--dry-run",
        "--results",
        str(tmp_path),
    ]
    with pytest.raises(SystemExit, match="0"):
        main(["encode", "paper", *arguments])
    lines = capsys.readouterr().out.splitlines()
    assert "\n".join([*lines[:2], "...", *lines[-2:]]) in (CLUSTER / "paper.md").read_text()
