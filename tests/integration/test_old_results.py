"""A quickstart made before the rooms were rebuilt (version 0.1, commit 92c8fbd) stays usable.

Its folder lies in `tests/golden/results`: every description, history and score; of the outcomes a
few rows (all of the groups `gap`, `flip` and `noflip`); checkpoint and codec of one run.
"""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from physscale.cli.main import main
from physscale.finished.runs import finished_runs
from physscale.records.ledger import Ledger, State
from physscale.records.store import Store
from physscale.render.render import render
from physscale.simulate.simulate import simulate
from tests.paths import ROOT

OPENED = "09be5e31fcfe"
"""The run whose checkpoint and codec are kept."""

UNCHANGED = ("workers", "gap", "flip", "noflip", "collision", "parabola")


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PHYSSCALE_TRACKER", "none")
    with tarfile.open(ROOT / "tests" / "golden" / "results" / "quickstart_0.1.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return Store(tmp_path / "quickstart")


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    out, err = capsys.readouterr()
    assert not end.value.code, err
    return out


def test_run_again_runs_nothing(old: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the groups that today's quickstart has unchanged."""
    words = ["quickstart", "--results", str(old.root.parent)]
    words += [word for group in UNCHANGED for word in ("--only", group)]
    planned = json.loads(said(["plan", *words, "--json"], capsys))
    assert {row["state"] for row in planned["runs"]} == {"DONE"}
    said(["run", *words, "--backend", "plain"], capsys)
    entries = Ledger(old.ledger).entries()
    assert [(entry.state, entry.attempts) for entry in entries.values()] == [(State.DONE, 1)] * 35


def test_its_runs_are_compared(old: Store, capsys: pytest.CaptureFixture[str]) -> None:
    results = str(old.root.parent)
    found = json.loads(
        said(["diff", "86d4b58e", "6b40d2c9", "--results", results, "--json"], capsys)
    )
    assert {row["field"] for row in found["differences"]} == {"data.seed", "seed"}


def test_its_runs_are_opened(old: Store) -> None:
    """Each description has its old name here; a kept model gives the loss that was written then."""
    assert len(finished_runs(old, beginnings=[])) == 35
    (one,) = finished_runs(old, beginnings=[OPENED])
    split = one.run.test_splits[0]
    truth = simulate(split.data, indices=np.arange(split.data.videos))
    latents = one.codec(device="cpu").encode(render(truth, canvas=one.run.canvas))
    objective = one.run.objective.build()
    errors = objective.held_out(one.model(device="cpu"), latents, indices=truth.index.tolist())
    rows = pq.read_table(one.folder.scores).to_pylist()
    written = next(row for row in rows if row["split"] == "id" and row["metric"] == "loss")
    assert float(errors.from_given.double().mean()) == pytest.approx(written["value"], rel=1e-4)


def test_its_report_says_the_same_numbers(old: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Data, out of distribution, coverage, gap, flips, with the changes that version 0.1 found. The
    intervals of the first three are wider: they count the scatter between configurations."""
    report = [sys.executable, "-m", "analysis", "report", str(old.root)]
    subprocess.run(report, cwd=ROOT, check=True, capture_output=True)
    page = (old.root / "report" / "index.html").read_text()
    for numbers in (
        "48× [9.2×, 248×]",
        "−65% [−79%, −43%]",
        "−91% [−97%, −74%]",
        "94% [87%, 97%]",
        "28% [20%, 38%]",
        "3% [1%, 9%]",
    ):
        assert numbers in page
