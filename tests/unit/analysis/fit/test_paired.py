"""Differences between splits: the same resamples in every split, seeds that move together,
intervals that hold what was planted."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main
from analysis.data.configurations import configurations
from analysis.data.table import Runs
from analysis.estimate.resampling import shared_resamples
from analysis.fit.correlation import seed_correlation
from analysis.fit.fit import Fit, fit
from analysis.fit.paired import change_contrasts, fit_contrasts, pair
from analysis.laws.registry import law_named

LEVELS, SEEDS = 12, 3
X = np.repeat(np.geomspace(10, 1e4, LEVELS), SEEDS)
LABELS = np.tile([str(seed) for seed in range(SEEDS)], LEVELS).astype(object)


def runs(log_error: np.ndarray, *, x: np.ndarray = X, labels: np.ndarray = LABELS) -> Runs:
    return Runs({"x": x}, np.exp(log_error), np.full(len(x), ""), labels, None, None, ())


def world(seed: int, *, together: float = 0.9, sd: float = 0.1) -> dict[str, Runs]:
    """ID falls with 0.4, OOD with 0.1 from three times the height; their noise has the correlation
    `together`."""
    one, other = np.random.default_rng(seed).normal(0, sd, (2, len(X)))
    noise = together * one + np.sqrt(1 - together**2) * other
    return {"id": runs(-0.4 * np.log(X) + one), "ood": runs(np.log(3) - 0.1 * np.log(X) + noise)}


def fits(parts: dict[str, Runs], *, draws: int = 400) -> dict[str, Fit]:
    shared = pair(parts, draws=draws, seed=1)
    assert shared is not None
    law = law_named("power")
    return {
        name: fit(
            law,
            columns=part.axes,
            response=part.response,
            floor=0.0,
            bootstrap=draws,
            with_profile=False,
            resamples=shared[name],
        )
        for name, part in parts.items()
    }


def test_a_draw_takes_the_same_configurations_in_every_split() -> None:
    keys = np.array([5.0, 1.0, 3.0, 2.0, 4.0, 6.0, 7.0])
    one, other = (
        configurations({"x": keys}, np.ones(7)),
        configurations({"x": keys[::-1]}, np.ones(7)),
    )
    shared = shared_resamples({"a": one, "b": other}, draws=50, seed=3)
    assert np.array_equal(shared["a"].counts(), shared["b"].counts())
    assert (shared["a"].counts().sum(axis=1) == 7).all()
    half = configurations({"x": keys[:4]}, np.ones(4))
    shared = shared_resamples({"a": one, "b": half}, draws=50, seed=3)
    assert np.array_equal(
        shared["a"].counts()[:, np.isin(one.axes["x"], keys[:4])], shared["b"].counts()
    )
    assert (shared["a"].counts().sum(axis=1) == 7).all()
    apart = configurations({"x": keys + 100}, np.ones(7))
    shared = shared_resamples({"a": one, "b": apart}, draws=50, seed=3)
    assert not np.array_equal(shared["a"].counts(), shared["b"].counts()), (
        "what is not shared must not be the same by accident"
    )


def test_noise_has_the_correlation_asked_for_and_the_tails_of_its_freedom() -> None:
    points = configurations({"x": np.arange(1.0, 7.0)}, np.ones(6))
    shared = shared_resamples(
        {"a": points, "b": points},
        draws=20_000,
        seed=0,
        correlation=np.array([[1.0, 0.6], [0.6, 1.0]]),
    )
    a, b = (shared[name].noise(freedom=5).mean(axis=1) * np.sqrt(6) for name in ("a", "b"))
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.6, abs=0.03)
    assert np.quantile(np.abs(a), 0.95) == pytest.approx(2.571, abs=0.08), (
        "Student's t with 5 degrees of freedom"
    )


def test_seeds_that_move_together_are_seen_and_unnamed_seeds_are_not_guessed() -> None:
    parts = world(2)
    assert seed_correlation(parts)[0, 1] == pytest.approx(0.9, abs=0.1)
    nameless = {
        name: runs(np.log(part.response), labels=np.full(len(X), "", dtype=object))
        for name, part in parts.items()
    }
    assert seed_correlation(nameless)[0, 1] == 0
    assert abs(seed_correlation(world(2, together=0.0))[0, 1]) < 0.4


def test_pairing_narrows_a_difference_of_splits_that_move_together_and_only_that() -> None:
    spread = {}
    for together in (0.95, 0.0):
        found = fits(world(4, together=together))
        alpha = {name: part.built.external(part.draws)["alpha"] for name, part in found.items()}
        spread[together] = np.std(alpha["id"] - alpha["ood"]) / np.hypot(
            np.std(alpha["id"]), np.std(alpha["ood"])
        )
    assert spread[0.95] < 0.5
    assert 0.75 < spread[0.0] < 1.25


def test_intervals_of_differences_hold_what_was_planted() -> None:
    hits, worlds = np.zeros(4), 16
    truth = [0.3, 3 * 1e4**0.3, -0.3 * np.log(1e3), 3 * 1e4**0.3]
    for seed in range(worlds):
        parts = world(seed)
        found = fit_contrasts(fits(parts, draws=200)) + change_contrasts(
            parts, axis="x", draws=1000
        )
        assert [contrast.kind for contrast in found] == ["difference", "ratio"] * 2
        hits += [
            contrast.low <= value <= contrast.high
            for contrast, value in zip(found, truth, strict=True)
        ]  # type: ignore[operator]
    assert (hits >= 12).all(), hits


def test_equal_splits_are_not_apart_and_different_ones_are() -> None:
    parts = world(0)
    twin = {
        "id": parts["id"],
        "twin": runs(
            np.log(parts["id"].response) + np.random.default_rng(9).normal(0, 0.05, len(X))
        ),
    }
    assert not any(contrast.apart for contrast in fit_contrasts(fits(twin)))
    assert all(contrast.apart for contrast in fit_contrasts(fits(parts)))
    assert "no difference is shown" in fit_contrasts(fits(twin))[0].statement


def test_the_commands_state_the_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = world(0)
    columns = {
        "x": np.tile(X, 2),
        "loss": np.concatenate([part.response for part in parts.values()]),
    }
    names = {"split": ["id"] * len(X) + ["ood"] * len(X), "seed": [*LABELS, *LABELS]}
    file = tmp_path / "runs.parquet"
    pq.write_table(pa.table(columns | names), file)
    table = [
        str(file),
        "--response",
        "loss",
        "--axes",
        "x",
        "--split",
        "split",
        "--seed-column",
        "seed",
    ]
    numbers = [
        "--law",
        "power",
        "--floor",
        "0",
        "--bootstrap",
        "300",
        "--no-holdout",
        "--no-profile",
    ]
    assert main(["fit", *table, *numbers, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["contrasts"]
    assert [row["quantity"] for row in found] == ["alpha", "error at x 1e+04"]
    assert found[0]["low"] < 0.3 < found[0]["high"]
    assert found[0]["apart"]
    assert main(["verdict", *table, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["splits"]) == {"id", "ood"}
    assert len(printed["contrasts"]) == 2
    assert main(["verdict", *table]) == 0
    assert "times as large in ood as in id" in capsys.readouterr().out
