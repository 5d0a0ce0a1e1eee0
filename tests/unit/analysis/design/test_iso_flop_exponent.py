"""Minima of equal compute beside the fitted surface: they agree where the law is right, and it is
said where they do not."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.design.iso_flop import IsoFlop, iso_flop_exponent, iso_flops

TRUTH = 0.28 / (0.34 + 0.28)


Table = dict[str, np.ndarray]


def planted(*, warm_up: float = 0.0, noise: float = 0.001, first: float = 0.05, seed: int) -> Table:
    """Eight budgets of nine sizes. A warm-up that is too long for small budgets makes short runs
    worse than the law says."""
    c = np.repeat(np.geomspace(1e18, 1e21, 8), 9)
    n = (c / 6) ** 0.5 / 3 * np.tile(first * np.geomspace(1, 20 / first**0.6, 9), 8)
    d = c / 6 / n
    loss = (1.7 + 400 * n**-0.34 + 410 * d**-0.28) * (1 + warm_up * 1e9 / d)
    return {
        "N": n,
        "D": d,
        "loss": loss * np.exp(noise * np.random.default_rng(seed).normal(size=len(n))),
    }


def words_of(folder: Path, *, warm_up: float) -> list[str]:
    table, path = planted(warm_up=warm_up, seed=0), folder / "runs.csv"
    rows = np.column_stack(list(table.values())).tolist()
    path.write_text("\n".join(["N,D,loss", *(",".join(map(repr, row)) for row in rows)]))
    words = ["--response", "loss", "--axes", "N,D", "--bootstrap", "100"]
    return ["frontier", str(path), *words]


@pytest.mark.parametrize("noise", [0.001, 0.01])
@pytest.mark.parametrize("first", [0.05, 0.3])
def test_the_interval_holds_the_exponent(first: float, noise: float) -> None:
    """Also where the optimum lies near the smallest size of each budget."""
    held = 0
    for seed in range(40):
        table = planted(noise=noise, first=first, seed=seed)
        found = iso_flop_exponent(iso_flops(table["N"], table["loss"], 6 * table["N"] * table["D"]))
        held += found is not None and found.low <= TRUTH <= found.high
    assert held >= 0.85 * 40


def test_the_surface_and_the_minima_agree_where_the_law_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words_of(tmp_path, warm_up=0.0), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    minima, surface = found["iso_flop_exponent"], found["frontier"]
    assert minima["budgets"] >= 6
    assert minima["value"] == pytest.approx(TRUTH, abs=0.01)
    assert surface["exponent"] == pytest.approx(TRUTH, abs=0.01)
    assert not [text for text in found["warnings"] if "isoFLOP" in text]


def test_a_law_that_misses_the_runs_is_contradicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words_of(tmp_path, warm_up=0.3)) == 0
    out = capsys.readouterr().out
    assert "isoFLOP minima: N* ~ C^0.5" in out
    (warning,) = (line for line in out.splitlines() if "contradict each other" in line)
    assert warning.startswith("warning: the surface's exponent 0.6")
    assert "that of the isoFLOP minima 0.5" in warning


def test_the_exponent_of_exact_minima_is_exact_and_two_give_none() -> None:
    minima = [IsoFlop(c, 8, 3 * c**0.4, 2.0, "") for c in (1e18, 1e19, 1e20)]
    found = iso_flop_exponent([*minima, IsoFlop(1e21, 8, None, None, "minimum not bracketed")])
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.4, 0.4))
    assert found.budgets == 3
    assert iso_flop_exponent(minima[:2]) is None
