"""Minima of equal compute beside the fitted surface: they agree where the law is right, and it is
said where they do not."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.commands.selftest_frontier import FAMILIES, SWEEPS, holds
from analysis.design.exponent import iso_flop_exponent, surviving
from analysis.design.frontier import Cost, Frontier
from analysis.design.iso_flop import End, IsoFlop, iso_flops

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
    minima, surface = found["iso_flop_exponent"], found["surface"]
    assert minima["budgets"] >= 6
    assert minima["value"] == pytest.approx(TRUTH, abs=0.02)
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


def minimum(budget: float, n: float, *, cubic: float | None = None) -> IsoFlop:
    """The minimum of one budget, where the spline and the cubic may differ."""
    return IsoFlop(budget, 8, n, 2.0, "", {"spline": n, "cubic": n if cubic is None else cubic})


def one_sided(budget: float, bound: float, end: End) -> IsoFlop:
    return IsoFlop(budget, 8, None, None, f"lowest at the {end} size", {}, end, bound)


EXACT = [minimum(c, 3 * c**0.4) for c in (1e18, 1e19, 1e20)]


def test_the_exponent_of_exact_minima_is_exact_and_two_give_none() -> None:
    found = iso_flop_exponent([*EXACT, IsoFlop(1e21, 3, None, None, "fewer than four sizes", {})])
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.4, 0.4))
    assert (found.budgets, found.bounds) == (3, 0)
    assert iso_flop_exponent(EXACT[:2]) is None


@pytest.mark.parametrize("seed", range(20))
def test_sizes_at_random_and_almost_equal_give_no_minimum_below_the_runs(seed: int) -> None:
    """As in points that were read off a figure."""
    rng = np.random.default_rng(seed)
    middles = np.exp(rng.uniform(np.log(1e7), np.log(1e9), 9))
    n = np.concatenate([middles, middles * np.exp(rng.normal(0, 1e-3, 9))])
    loss = 2.5 * np.exp(0.03 * np.log(n / 1e8) ** 2 + 0.01 * rng.standard_normal(18))
    (found,) = iso_flops(n, loss, np.full(18, 1e19))
    assert found.loss is not None
    assert 0.95 * loss.min() < found.loss < 1.05 * loss.min()
    assert found.n == pytest.approx(1e8, rel=1.0)


@pytest.mark.parametrize(
    ("end", "bound", "active"),
    [("smallest", 2.0, True), ("smallest", 0.5, False), ("largest", 0.5, True)],
)
def test_a_one_sided_budget_counts_only_where_the_line_passes_on_its_wrong_side(
    end: End, bound: float, active: bool
) -> None:
    """Lowest at the smallest size: the optimum is at most that size."""
    line = 3 * 1e21**0.4
    found = iso_flop_exponent([*EXACT, one_sided(1e21, line / bound, end)])
    assert found is not None
    assert found.bounds == int(active)
    assert (found.value == pytest.approx(0.4)) == (not active)
    if active:
        assert (found.value < 0.4) == (end == "smallest")


def test_the_interval_holds_the_difference_between_the_two_curves() -> None:
    c = np.geomspace(1e18, 1e21, 6)
    minima = [minimum(at, 3 * at**0.4, cubic=3 * at**0.5) for at in c]
    found = iso_flop_exponent(minima)
    assert found is not None
    assert found.slope_se == pytest.approx(0.05)


def surface(exponent: float, half: float) -> Frontier:
    """A surface at one budget whose interval has that half-width."""
    one = np.ones(1)
    return Frontier(
        budgets=1e21 * one,
        n=1e9 * one,
        d=1e21 / 6e9 * one,
        n_band80=np.array([[0.9e9], [1.1e9]]),
        n_band95=np.array([[0.8e9], [1.25e9]]),
        d_band95=np.array([[0.8], [1.25]]) * 1e21 / 6e9,
        exponent=exponent,
        exponent_se=half / 1.96,
        exponent_low=exponent - half,
        exponent_high=exponent + half,
        penalty=0.001 * one,
    )


SCATTERED = [
    minimum(c, 3 * c**0.4 * up)
    for c, up in zip(np.geomspace(1e18, 1e21, 6), (1, 1.3, 1, 1, 1.3, 1), strict=True)
]


@pytest.mark.parametrize(
    ("exponent", "half", "source"),
    [
        (0.41, 0.01, "minima and surface, half and half"),
        (0.41, 0.30, "the isoFLOP minima"),
        (0.70, 0.01, "the isoFLOP minima"),
    ],
)
def test_the_estimate_that_survives_is_reported(exponent: float, half: float, source: str) -> None:
    minima = iso_flop_exponent(SCATTERED)
    assert minima is not None
    found = surviving(surface(exponent, half), minima, cost=Cost())
    assert found.source == source
    assert found.by_law == ("surface" in source)
    middle = (exponent + minima.value) / 2 if found.by_law else minima.value
    assert found.exponent == pytest.approx(middle)
    assert found.exponent_low < min(middle, minima.value) < found.exponent_high
    assert 6 * found.n * found.d == pytest.approx(found.budgets)


def test_without_minima_the_surface_is_reported() -> None:
    found = surviving(surface(0.5, 0.1), None, cost=Cost())
    assert found.source == "the law's surface"
    assert (found.exponent, found.exponent_low, found.exponent_high) == (0.5, 0.4, 0.6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reported_interval_holds_the_planted_exponent(family: str) -> None:
    """In at least 8 of 10 worlds, also where the law misses the runs; `selftest --full` counts."""
    held = [
        holds(FAMILIES[family], SWEEPS[0], np.random.default_rng((5, world)), bootstrap=60)
        for world in range(10)
    ]
    assert sum(held) >= 8
