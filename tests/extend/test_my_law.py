"""The drill of `docs/extend/my_law.md`: a law from outside the package is fitted, compared and
reported as any other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.paths import ROOT

PLANTED = {"E": 0.05, "A": 2.0, "r": 0.6}
SIZES = np.geomspace(1.0, 30.0, 12)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    size = np.repeat(SIZES, 3)
    x0 = np.exp(np.log(SIZES).mean())
    noise = np.random.default_rng(0).normal(0, 0.005, len(size))
    loss = PLANTED["E"] + PLANTED["A"] * np.exp(-PLANTED["r"] * size / x0)
    pq.write_table(
        pa.table({"size": size, "loss": loss * np.exp(noise)}), tmp_path / "runs.parquet"
    )
    return tmp_path / "runs.parquet"


def analysis(*arguments: str | Path, plugin: str = "my_law") -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "docs" / "extend"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "analysis", *map(str, arguments)],
        env={**os.environ, "PHYSSCALE_PLUGINS": plugin, "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def of(table: Path) -> list[str | Path]:
    return [table, "--response", "loss", "--axes", "x=size"]


def test_a_planted_law_is_recovered(table: Path) -> None:
    done = analysis("fit", *of(table), "--law", "exponential", "--bootstrap", "200", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["law"] == "exponential"
    assert found["convergence"]["converged"]
    for name, value in PLANTED.items():
        row = found["parameters"][name]
        assert row["profile"]["low"] < value < row["profile"]["high"]
        assert row["estimate"] == pytest.approx(value, rel=0.05)


def test_the_report_and_the_comparison_take_it(table: Path) -> None:
    done = analysis("report", *of(table), "--law", "exponential", "--bootstrap", "200")
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.strip()).read_text()
    assert "L = E + A exp(-r x/x0)" in page
    done = analysis("compare", *of(table), "--laws", "flat,exponential", "--worlds", "50", "--json")
    assert done.returncode == 0, done.stderr
    (test,) = json.loads(done.stdout)["tests"]
    assert test["nested"]
    assert test["p"] < 0.05


def test_without_the_plug_in_the_law_is_refused_in_one_line(table: Path) -> None:
    done = analysis("fit", *of(table), "--law", "exponential", plugin="")
    assert done.returncode == 2
    assert done.stderr.startswith("physscale: law 'exponential' is unknown; there are ")
    assert done.stderr.count("\n") == 1


def test_the_checks_of_every_law_hold_for_it() -> None:
    path = os.pathsep.join([str(ROOT / "docs" / "extend"), str(ROOT)])
    checks = "tests/unit/analysis/laws/test_laws.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-k", "exponential", checks],
        env={**os.environ, "PHYSSCALE_PLUGINS": "my_law", "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("......  "), done.stdout
