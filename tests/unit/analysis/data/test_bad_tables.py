"""Bad tables get a clear refusal or a flagged fit, never a traceback.

No point, one, two; NaN; equal values; a million rows; hostile names.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main

FIT = ["--response", "loss", "--axes", "N,D", "--bootstrap", "50", "--no-holdout", "--no-profile"]


def write(path: Path, rows: list[dict[str, object]]) -> str:
    pq.write_table(
        pa.Table.from_pylist(
            rows,
            schema=None
            if rows
            else pa.schema([(name, pa.float64()) for name in ("N", "D", "loss")]),
        ),
        path,
    )
    return str(path)


def sweep(count: int, *, seed: int = 0) -> list[dict[str, object]]:
    rng = np.random.default_rng(seed)
    n, d = (
        rng.choice(np.geomspace(1e4, 1e7, 5), count),
        rng.choice(np.geomspace(1e3, 1e6, 5), count),
    )
    loss = (0.05 + 3 * n**-0.35 + 20 * d**-0.5) * np.exp(rng.normal(0, 0.03, count))
    return [
        {"N": float(a), "D": float(b), "loss": float(y)} for a, b, y in zip(n, d, loss, strict=True)
    ]


def one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_points_are_refused_in_one_line(
    count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one_line(["fit", write(tmp_path / "few.parquet", sweep(count)), *FIT], capsys)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 0.0, None])
def test_rows_without_a_usable_number_are_left_out_and_counted(
    bad: float | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sweep(60)
    rows[7]["loss"] = bad
    rows[9]["N"] = bad
    assert main(["fit", write(tmp_path / "bad.parquet", rows), *FIT, "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert sum("1 rows" in warning for warning in warnings) == 2


def test_equal_values_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row | {"loss": 1.0} for row in sweep(40)]
    assert "equal" in one_line(["fit", write(tmp_path / "equal.parquet", rows), *FIT], capsys)


def test_one_level_of_an_axis_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row | {"N": 1e5} for row in sweep(40)]
    assert "N" in one_line(["fit", write(tmp_path / "one.parquet", rows), *FIT], capsys)


def test_axes_that_move_together_are_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row | {"D": 20 * float(str(row["N"]))} for row in sweep(40)]
    assert (
        main(
            [
                "fit",
                write(tmp_path / "tied.parquet", rows),
                *FIT,
                "--law",
                "power-nd-tied",
                "--json",
            ]
        )
        == 0
    )
    assert any(
        "move together" in warning for warning in json.loads(capsys.readouterr().out)["warnings"]
    )


@pytest.mark.parametrize("times", [1.0, 30.0, 1e-3])
def test_one_outlier_is_named_and_moves_no_exponent_out_of_its_interval(
    times: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sweep(60)
    rows[11] |= {"N": 5e5, "loss": times * (0.05 + 3 * 5e5**-0.35 + 20 * rows[11]["D"] ** -0.5)}
    assert main(["fit", write(tmp_path / "odd.parquet", rows), *FIT, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for name, planted in (("alpha", 0.35), ("beta", 0.5)):
        low, high = found["parameters"][name]["low"], found["parameters"][name]["high"]
        assert low < planted < high
    said = [warning for warning in found["warnings"] if "sd from the law" in warning]
    assert len(said) == (times != 1)
    assert all("1 of" in warning and "(N=500000, D=" in warning for warning in said)


def test_a_million_rows_are_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    n, d = (rng.choice(np.geomspace(low, 1e3 * low, 12), 1_000_000) for low in (1e4, 1e3))
    loss = (0.05 + 3 * n**-0.35 + 20 * d**-0.5) * np.exp(rng.normal(0, 0.05, len(n)))
    pq.write_table(pa.table({"N": n, "D": d, "loss": loss}), tmp_path / "many.parquet")
    assert main(["fit", str(tmp_path / "many.parquet"), *FIT, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == 1_000_000
    assert abs(found["parameters"]["alpha"]["estimate"] - 0.35) < 0.01


def test_hostile_names_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b[31m\n<script>alert(1)</script>" + "x" * 500
    rows = [row | {"split": evil} for row in sweep(40)]
    file = write(tmp_path / "evil.parquet", rows)
    assert main(["fit", file, *FIT, "--split", "split"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(len(line) for line in out.splitlines()) < 400
    error = one_line(["fit", file, "--response", evil, "--axes", "N,D"], capsys)
    assert "\x1b" not in error


@pytest.mark.parametrize(
    "where", ["__import__('os')", "N = 3", "missing == 1", "N ==", "1 == 1; DROP"]
)
def test_a_wrong_condition_is_one_line(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one_line(["fit", write(tmp_path / "t.parquet", sweep(40)), *FIT, "--where", where], capsys)


def test_words_where_numbers_belong_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.csv").write_text("N,D,loss\nten,3,1\ntwenty,4,2\n")
    assert "not numbers" in one_line(["fit", str(tmp_path / "words.csv"), *FIT], capsys)


@pytest.mark.parametrize("content", [b"", b"PAR1garbagePAR1", b"\xff\xfe\x00"])
def test_no_table_at_all(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in ("csv", "parquet"):
        (tmp_path / f"t.{suffix}").write_bytes(content)
        assert main(["fit", str(tmp_path / f"t.{suffix}"), *FIT]) in {2, 5}
        assert capsys.readouterr().err.count("\n") == 1
    assert main(["fit", str(tmp_path / "absent.csv"), *FIT]) in {2, 5}
    assert capsys.readouterr().err.count("\n") == 1


def test_next_names_runs_within_the_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"next {write(tmp_path / 't.parquet', sweep(60))} --response loss --axes N,D"
    words += " --parameter alpha --budget 1e12 --bootstrap 200 --json"
    assert main(words.split()) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["runs"]
    assert plan["flops"] <= 1e12
    assert plan["se_after"] < plan["se_before"]


def test_the_frontier_of_a_planted_surface(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"frontier {write(tmp_path / 't.parquet', sweep(400))} --response loss --axes N,D"
    words += " --bootstrap 200 --json"
    assert main(words.split()) == 0
    found = json.loads(capsys.readouterr().out)["surface"]
    assert found["exponent_low"] < 0.5 / 0.85 < found["exponent_high"]
