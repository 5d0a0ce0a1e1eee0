"""The falling curve of the command: no exponent, a band that holds what was planted, refusals in
one line."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main
from analysis.commands.curve_fit import banded
from analysis.data.table import Runs
from analysis.laws.registry import CURVES, LAWS

ISOTONIC = CURVES.named("isotonic")
X = np.repeat(np.geomspace(10, 1e4, 6), 8)
STEP = np.where(X > 300, 0.1, 1.0)


def runs(seed: int) -> Runs:
    blank = np.full(len(X), "")
    return Runs(
        {"x": X},
        STEP * np.exp(np.random.default_rng(seed).normal(0, 0.1, len(X))),
        blank,
        blank,
        None,
        None,
        (),
    )


def test_a_step_is_found_where_no_power_law_fits() -> None:
    found = banded(ISOTONIC, runs(0), draws=300, seed=0)
    assert found.curve.explained > 0.98
    assert (np.diff(found.curve.level) <= 0).all()
    inside = [
        np.mean((curve.low <= level) & (level <= curve.high))
        for curve in (banded(ISOTONIC, runs(s), draws=200, seed=s) for s in range(20))
        for level in (STEP[::8],)
    ]
    assert np.mean(inside) > 0.8


def test_the_command_prints_the_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"x": X, "loss": runs(0).response}), tmp_path / "runs.parquet")
    words = [
        "fit",
        str(tmp_path / "runs.parquet"),
        "--response",
        "loss",
        "--axes",
        "x",
        "--law",
        "isotonic",
        "--bootstrap",
        "200",
    ]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["x"] for row in found["levels"]] == pytest.approx(np.unique(X).tolist())
    assert all(row["low"] <= row["value"] <= row["high"] for row in found["levels"])
    assert found["verdict"]["x"]["word"] == "scales"
    assert main(words) == 0
    assert "isotonic" in capsys.readouterr().out
    for wrong in (["--floor", "0"], ["--draws", "d.parquet"]):
        assert main([*words, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_laws_lists_it_with_every_law(capsys: pytest.CaptureFixture[str]) -> None:

    assert main(["laws"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{name}\n" in f"\n{out}" for name in (*LAWS.entries(), "isotonic"))
    assert (
        out.count("  source: ")
        == out.count("  needs: ")
        == out.count("  domain: ")
        == len(LAWS.entries()) + 1
    )
