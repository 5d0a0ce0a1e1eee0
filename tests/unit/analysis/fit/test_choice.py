"""Without a law by name, a report takes the usual one unless another predicts better."""

from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.data.table import Runs
from analysis.fit.choice import choose
from analysis.laws.registry import law_named

X = np.geomspace(1, 1000, 10)
SIGMOID = 0.02 + 0.5 / (1 + (X / 30) ** 1.5)
POWER = 0.1 + 3 * X**-0.5


def runs(curve: np.ndarray, *, noise: float = 0.01, seed: int = 0) -> Runs:
    x, y = np.repeat(X, 2), np.repeat(curve, 2)
    blank = np.full(len(x), "", dtype=object)
    response = y * np.exp(noise * np.random.default_rng(seed).standard_normal(len(x)))
    return Runs({"x": x}, response, blank, blank, None, None, ())


def chosen(table: Runs, floor: float | None = None) -> str:
    return choose(law_named("power"), runs=table, delta=None, floor=floor).law.name


def test_a_power_law_is_kept_where_it_is_the_truth() -> None:
    assert {chosen(runs(POWER, seed=seed)) for seed in range(6)} == {"power"}


def test_a_sigmoid_gets_the_law_that_has_its_ceiling() -> None:
    found = choose(law_named("power"), runs=runs(SIGMOID), delta=None, floor=None)
    assert found.law.name in {"bounded", "broken"}
    assert found.reason.startswith(f"Law {found.law.name}, not the usual one: only ")


def test_too_few_levels_keep_the_usual_law() -> None:
    few = runs(POWER)
    assert chosen(few.only(few.axes["x"] < 5)) == "power"


def test_a_given_floor_leaves_out_laws_without_one() -> None:
    falls_on = runs(3 * X**-0.5)
    assert chosen(falls_on, floor=0.08) != "power-zero"


@pytest.mark.parametrize("law", [None, "power"])
def test_the_report_says_why_it_takes_a_law(tmp_path: Path, law: str | None) -> None:
    table = runs(SIGMOID)
    lines = [f"{x},{y}" for x, y in zip(table.axes["x"], table.response, strict=True)]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(["videos,error", *lines]))
    words = ["report", str(path), "--response", "error", "--axes", "videos", "--bootstrap", "100"]
    assert main([*words, *(["--law", law] if law else [])]) == 0
    page = path.with_suffix(".report.html").read_text()
    assert ("not the usual one: only" in page) == (law is None)
