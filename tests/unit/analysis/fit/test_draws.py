"""Stored draws give every published interval again, within rounding, without the runs."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main
from analysis.fit.draws import read_draws, write_draws
from analysis.fit.fit import Fit, fit
from analysis.laws.registry import law_named
from physscale.records.errors import UserError

N = np.repeat(np.geomspace(1e4, 1e7, 5), 5)
D = np.tile(np.geomspace(1e3, 1e6, 5), 5)


def planted(*, floor: float | None = None, law: str = "power-nd") -> Fit:
    noise = np.random.default_rng(1).normal(0, 0.03, 25)
    response = (0.05 + 3 * N**-0.35 + 20 * D**-0.5) * np.exp(noise)
    return fit(
        law_named(law),
        columns={"N": N, "D": D},
        response=response,
        floor=floor,
        bootstrap=200,
        with_profile=False,
    )


@pytest.mark.parametrize(
    ("law", "floor"), [("power-nd", None), ("power-nd", 0.04), ("power-nd", 0.0), ("coupled", None)]
)
def test_intervals_and_bands_come_back_within_rounding(
    law: str, floor: float | None, tmp_path: Path
) -> None:
    fitted = planted(law=law, floor=floor)
    write_draws(tmp_path / "draws.parquet", {"": fitted}, seed=0)
    draws = read_draws(tmp_path / "draws.parquet")[""]
    at = {"N": np.array([1e5, 1e9]), "D": np.array([1e4, 1e8])}
    assert np.array_equal(draws.predict(at), fitted.predict(at))
    assert np.array_equal(draws.band(at), fitted.band(at))
    assert np.array_equal(draws.objective, fitted.draw_objectives)
    for name, estimate in fitted.parameters.items():
        assert draws.estimate[name] == estimate.value
        if estimate.source != "given":
            assert draws.interval(name) == pytest.approx((estimate.low, estimate.high), rel=1e-13)


def test_every_interval_of_the_command_is_computed_again_from_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    loss = [
        (level + 3 * N**-slope) * np.exp(rng.normal(0, 0.03, 25))
        for level, slope in ((0.0, 0.35), (0.0, 0.3))
    ]
    table = {
        "N": np.tile(N, 2),
        "D": np.tile(D, 2),
        "loss": np.concatenate(loss),
        "split": ["id"] * 25 + ["ood"] * 25,
    }
    pq.write_table(pa.table(table), tmp_path / "runs.parquet")
    words = f"fit {tmp_path / 'runs.parquet'} --response loss --axes x=N --law power"
    words += " --split split --floor 0 --bootstrap 300"
    assert (
        main([*words.split(), "--no-holdout", "--json", "--draws", str(tmp_path / "draws.parquet")])
        == 0
    )
    printed = json.loads(capsys.readouterr().out)
    assert main(["bands", str(tmp_path / "draws.parquet"), "--at", "x=1e8", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    for split, found in printed["splits"].items():
        for name, row in found["parameters"].items():
            expected = {key: row[key] for key in ("estimate", "low", "high", "open")}
            assert again["splits"][split]["parameters"][name] == pytest.approx(expected, rel=1e-13)
    low, high = (again["splits"]["id"]["predictions"][0][end] for end in ("low", "high"))
    assert 0 < low < high
    beyond = again["splits"]["id"]["predictions"][0]["beyond"]
    assert beyond == {"x": pytest.approx(1e8 / N.max())}
    places = ["--at", f"x={N.max()}", "--at", f"x={N.min() / 5}"]
    assert main(["bands", str(tmp_path / "draws.parquet"), *places]) == 0
    warned = [line for line in capsys.readouterr().out.splitlines() if "warning" in line]
    assert len(warned) == len(again["splits"])
    assert all("x lies 5 times beyond the fitted runs" in line for line in warned)
    draws = read_draws(tmp_path / "draws.parquet")
    difference = draws["id"].readable["alpha"] - draws["ood"].readable["alpha"]
    contrast = next(row for row in printed["contrasts"] if row["quantity"] == "alpha")
    assert contrast["low"] in (None, pytest.approx(np.quantile(difference, 0.025)))
    assert contrast["high"] in (None, pytest.approx(np.quantile(difference, 0.975)))


def test_without_draws_nothing_is_written(tmp_path: Path) -> None:
    response = 0.05 + 3 * N**-0.35 + 20 * D**-0.5
    fitted = fit(
        law_named("power-nd"),
        columns={"N": N, "D": D},
        response=response,
        bootstrap=0,
        with_profile=False,
    )
    with pytest.raises(UserError, match="--bootstrap"):
        write_draws(tmp_path / "draws.parquet", {"": fitted}, seed=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("at", ["N", "N=x", "N=-1,D=2", "N=1e5", "N=1e5,D=1e5,C=2", "N=nan,D=1"])
def test_a_wrong_place_is_one_line(
    at: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_draws(tmp_path / "draws.parquet", {"": planted(floor=0.04)}, seed=0)
    assert main(["bands", str(tmp_path / "draws.parquet"), "--at", at]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_another_parquet_file_is_damaged_and_a_missing_one_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no")
    assert main(["bands", str(tmp_path / "other.parquet")]) == 5
    assert main(["bands", str(tmp_path / "text.parquet")]) == 5
    assert main(["bands", str(tmp_path / "none.parquet")]) == 2
    assert capsys.readouterr().err.count("\n") == 3
