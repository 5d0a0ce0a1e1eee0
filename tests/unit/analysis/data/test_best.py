"""A response that is better when higher is read as its distance to the best value."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.data.table import Reading, read_runs
from physscale.records.errors import UserError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """An error that falls with D, and what others report instead of it."""
    rng = np.random.Generator(np.random.Philox(key=0))
    lines = ["D,error,accuracy,percent,reward"]
    for d in (100, 300, 1000, 3000):
        for _ in range(3):
            error = 0.6 * (d / 100) ** -0.4 * np.exp(0.05 * rng.standard_normal())
            lines.append(f"{d},{error},{1 - error},{100 - 100 * error},{1 / error}")
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines))
    return path


def decided(table: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    assert main(["verdict", str(table), "--axes", "D", "--json", *words]) == 0
    found: dict[str, float] = json.loads(capsys.readouterr().out)["D"]
    return found


@pytest.mark.parametrize(
    ("column", "best"), [("accuracy", "1"), ("percent", "100"), ("reward", "inf")]
)
def test_the_verdict_is_that_of_the_error(
    column: str, best: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = decided(table, "--response", "error", capsys=capsys)
    turned = decided(table, "--response", column, "--best", best, capsys=capsys)
    assert turned["word"] == error["word"] == "scales"
    assert turned["change"] == pytest.approx(error["change"])
    assert turned["p_change"] == pytest.approx(error["p_change"])


def test_it_is_said_and_a_doubtful_name_is_asked_about(table: Path) -> None:
    read = read_runs(table, response="accuracy", axes={"D": "D"}, reading=Reading(best=1.0))
    assert read.name == "1 - accuracy"
    assert read.notes == ("the response is read as 1 - accuracy: lower is better",)
    (note,) = read_runs(table, response="accuracy", axes={"D": "D"}).notes
    assert "--best 1" in note
    assert read_runs(table, response="error", axes={"D": "D"}).notes == ()


def test_values_beyond_the_best_are_counted_or_refused(table: Path) -> None:
    with pytest.raises(UserError, match=r"12 rows with response 1 - percent that is zero or less"):
        read_runs(table, response="percent", axes={"D": "D"}, reading=Reading(best=1.0))
    with pytest.raises(UserError, match="--best nan"):
        read_runs(table, response="percent", axes={"D": "D"}, reading=Reading(best=float("nan")))


def test_a_reward_of_zero_has_no_reciprocal(table: Path) -> None:
    table.write_text("D,reward\n1,0\n2,-1\n3,2\n4,4\n")
    read = read_runs(table, response="reward", axes={"D": "D"}, reading=Reading(best=float("inf")))
    assert read.response.tolist() == [0.5, 0.25]
    assert "2 rows with response 1 / reward without a finite number were left out" in read.notes
