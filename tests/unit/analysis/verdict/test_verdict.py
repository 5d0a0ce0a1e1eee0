"""Verdicts: right words on planted data, error rates held in a short simulation, and properties
that no formula may break."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis.commands.selftest import Design, coverage, ladder_rates, words_said
from analysis.data.configurations import configurations
from analysis.verdict.isotonic import falling
from analysis.verdict.permutation import permutation
from analysis.verdict.verdict import Verdict, decide, holm


def ladder(
    fall: float, *, seeds: int = 3, sd: float = 0.05, levels: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    x = np.repeat(np.geomspace(10, 1000, levels), seeds)
    steps = np.log(x / x.min()) / np.log(x.max() / x.min())
    return x, 0.3 * np.exp(
        np.log1p(-fall) * steps + np.random.default_rng(seed).normal(0, sd, len(x))
    )


@pytest.mark.parametrize(
    ("fall", "sd", "word"),
    [
        (0.8, 0.05, "scales"),
        (-3.0, 0.05, "worsens"),
        (0.0, 0.02, "flat"),
        (0.1, 0.5, "undetermined"),
    ],
)
def test_the_word_fits_the_data(fall: float, sd: float, word: str) -> None:
    x, y = ladder(fall, sd=sd)
    found = decide(configurations({"x": x}, y), axis="x")
    assert found.word == word
    assert found.reason


def test_undetermined_says_how_many_seeds_would_decide() -> None:
    x, y = ladder(0.1, sd=0.5)
    found = decide(configurations({"x": x}, y), axis="x")
    assert found.seeds_needed is not None
    assert found.seeds_needed > 3


@pytest.mark.parametrize("seeds", [2, 3])
def test_flat_data_is_rarely_called_scaling_and_the_margin_rarely_flat(seeds: int) -> None:
    design = Design(4, 1, seeds, 0.10, 0.05)
    assert words_said(design, fall=0.0, worlds=200)["claims"] <= 0.05 + 0.03
    assert words_said(design, fall=1 - 1 / 1.1, worlds=200)["flat"] <= 0.05 + 0.03
    assert words_said(design, fall=0.7, worlds=60)["scales"] >= 0.95


@pytest.mark.parametrize("scatter", [0.0, 0.05, 0.15])
@pytest.mark.parametrize(("levels", "seeds"), [(3, 5), (4, 3)])
def test_scatter_of_configurations_makes_no_claims(levels: int, seeds: int, scatter: float) -> None:
    claims, covers = ladder_rates([Design(levels, 1, seeds, 0.05, scatter)], worlds=120)
    assert claims.share <= 0.05 + 0.05
    assert 0.92 - 0.05 <= covers.share <= 0.97 + 0.03


def test_a_law_that_bends_is_not_taken_for_scatter() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(np.geomspace(10, 1e4, 4), 3)
    for _ in range(10):
        y = (1.2 + 6 * (x / 10) ** -0.7) * np.exp(rng.normal(0, 0.05, len(x)))
        found = decide(configurations({"x": x}, y), axis="x")
        assert found.p_change is not None
        assert found.p_change < 0.05
        assert found.word in {"scales", "saturates"} or found.shaped


def test_more_seeds_are_asked_for_only_where_they_help() -> None:
    rng = np.random.default_rng(5)
    x = np.repeat(np.geomspace(10, 1e4, 4), 5)
    between = np.repeat([0.2, -0.2, 0.2, -0.2], 5)
    found = decide(
        configurations({"x": x}, np.exp(between + rng.normal(0, 0.001, len(x)))), axis="x"
    )
    assert found.word == "undetermined"
    assert found.seeds_needed is None
    assert "more configurations would decide" in found.reason


@pytest.mark.slow
def test_intervals_cover_in_a_short_simulation() -> None:
    for rate in coverage(Design(5, 5, 2, 0.03, 0.03), worlds=40):
        assert rate.share >= 0.85, rate.what


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=8), st.floats(0.01, 100))
def test_units_do_not_matter(values: list[float], unit: float) -> None:
    assume(np.std(values) > 0.01 * np.mean(values))
    x = np.geomspace(1, 100, len(values))
    one = decide(configurations({"x": x}, np.array(values)), axis="x")
    other = decide(configurations({"x": x * unit}, np.array(values) * unit), axis="x")
    assert one.change == pytest.approx(other.change, abs=1e-6)
    assert one.change is None or one.p_falls == pytest.approx(other.p_falls, abs=1e-5)


@given(st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_and_keeps_their_order(ps: list[float]) -> None:
    verdicts = [
        Verdict(
            "undetermined",
            "x",
            "",
            change=-0.5,
            low=-1.0,
            high=0.0,
            p_falls=p,
            p_rises=1 - p,
            p_change=2 * min(p, 1 - p),
            p_change_holm=2 * min(p, 1 - p),
        )
        for p in ps
    ]
    corrected = [verdict.p_change_holm for verdict in holm(verdicts)]
    smallest = 2 * np.minimum(ps, 1 - np.array(ps))
    assert all(
        after is not None and after >= before
        for before, after in zip(smallest, corrected, strict=True)
    )
    assert (
        np.diff(np.array(corrected, dtype=float)[np.argsort(smallest, kind="stable")]) >= 0
    ).all()


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12))
def test_isotonic_falls_keeps_the_mean_and_is_its_own_fit(values: list[float]) -> None:
    weights = np.linspace(1, 2, len(values))
    curve = falling(np.array(values), weights=weights)
    assert (np.diff(curve) <= 1e-12).all()
    assert np.average(curve, weights=weights) == pytest.approx(
        np.average(values, weights=weights), abs=1e-9
    )
    assert falling(curve, weights=weights) == pytest.approx(curve)


def test_the_permutation_check_is_exact_and_knows_its_floor() -> None:
    x = np.array([1.0, 10.0, 100.0, 1000.0])
    found = permutation(configurations({"x": x}, np.array([4.0, 3.0, 2.0, 1.0])), axis="x")
    assert found is not None
    assert found.p == found.least == pytest.approx(1 / 24)
    scattered = configurations(
        {"x": x, "z": np.array([1.0, 2.0, 3.0, 4.0])}, np.array([4.0, 3.0, 2.0, 1.0])
    )
    assert permutation(scattered, axis="x") is None


def test_flatness_of_many_splits_is_corrected_as_trends_are() -> None:
    x, y = ladder(0.0, sd=0.03, seed=1)
    alone = decide(configurations({"x": x}, y), axis="x")
    assert alone.word == "flat"
    assert alone.p_equivalent is not None
    assert 0.001 < alone.p_equivalent < 0.05
    noisy = decide(configurations({"x": x}, ladder(0.1, sd=0.5)[1]), axis="x")
    many = holm([alone, *[noisy] * int(0.05 / alone.p_equivalent)])
    assert many[0].word == "undetermined"
    assert many[0].p_equivalent_holm is not None
    assert many[0].p_equivalent_holm >= 0.05
    assert holm([alone])[0] == alone
