"""Laws against each other: the test keeps its size, finds a floor that is there, and says which law
predicts."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main
from analysis.data.table import Runs
from analysis.fit.nested import bootstrap_test, candidates_of

X = np.repeat(np.geomspace(10, 1e4, 7), 2)


def runs(*, floor: float, seed: int = 0, sd: float = 0.05) -> Runs:
    loss = (floor + X**-0.5) * np.exp(np.random.default_rng(seed).normal(0, sd, len(X)))
    blank = np.full(len(X), "")
    return Runs({"x": X}, loss, blank, blank, None, None, ())


def p_value(words: str, *, draws: int = 1, **world: float) -> float:
    smaller, larger = candidates_of(words)
    return bootstrap_test(smaller, larger, runs=runs(**world), worlds=60, seed=draws).p  # type: ignore[arg-type]


def test_a_floor_that_is_there_is_found_and_one_that_is_not_is_not() -> None:
    assert p_value("power-zero,power", floor=0.05) < 0.05
    assert p_value("power-zero,power", floor=0.0) > 0.05
    assert p_value("flat,power", floor=0.0) < 0.05
    assert p_value("power@0.05,power", floor=0.05) > 0.05
    assert p_value("power@0.01,power", floor=0.05) < 0.05


@pytest.mark.slow
def test_the_test_rejects_a_true_law_as_often_as_it_says() -> None:
    """Every world has draws of its own: one set of 60 for all of them would share its Monte Carlo
    error (0.7 % to 8 % instead of 5 %)."""
    ps = np.array(
        [
            p_value("power-zero,power", floor=0.0, seed=seed, draws=10_000 + seed)
            for seed in range(300)
        ]
    )
    assert 0.02 <= np.mean(ps < 0.05) <= 0.09, (
        "half of the worlds have their floor at zero: a chi-squared table would say 0.025"
    )


def test_containment_decides_which_way_is_tested() -> None:
    zero, power, fixed, broken = candidates_of("power-zero,power,power@0.02,broken")
    assert zero.inside(power)
    assert fixed.inside(power)
    assert power.inside(broken)
    assert not power.inside(zero)
    assert not fixed.inside(zero)
    assert not zero.inside(fixed)


def test_the_command_prints_tests_and_hold_outs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = runs(floor=0.05)
    pq.write_table(pa.table({"x": X, "loss": part.response}), tmp_path / "runs.parquet")
    words = ["compare", str(tmp_path / "runs.parquet"), "--response", "loss", "--axes", "x"]
    words += ["--laws", "power-zero,power", "--worlds", "40"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(test["smaller"], test["larger"], test["nested"]) for test in found["tests"]] == [
        ("power-zero", "power", True)
    ]
    assert found["tests"][0]["p"] == pytest.approx(1 / 41)
    zero, power = found["laws"]
    assert zero["free_parameters"] == 2
    assert power["aicc"] < zero["aicc"]
    assert power["hold_out"][0]["rmsle"] < zero["hold_out"][0]["rmsle"]
    assert set(power["hold_out"][0]) >= {"rmsle", "bias", "coverage", "skill"}
    assert main(words) == 0
    assert "power-zero is rejected" in capsys.readouterr().out


@pytest.mark.parametrize(
    "laws",
    [
        "power",
        "power,power",
        "power,nonsense",
        "power,ratio-logit",
        "power@x,flat",
        "power@-1,flat",
        "power,power-nd",
        "power-zero@1,power",
    ],
)
def test_wrong_laws_are_one_line(
    laws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table({"x": X, "loss": runs(floor=0.05).response}), tmp_path / "runs.parquet")
    assert (
        main(
            [
                "compare",
                str(tmp_path / "runs.parquet"),
                "--response",
                "loss",
                "--axes",
                "x",
                "--laws",
                laws,
            ]
        )
        == 2
    )
    assert capsys.readouterr().err.count("\n") == 1
