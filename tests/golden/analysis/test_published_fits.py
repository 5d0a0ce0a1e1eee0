"""Published fits, recomputed: the Chinchilla points, the over-training runs of Gadre et al., the
OLMo ladder, the paper's own ratios."""

import json

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.fit.fit import Fit, fit
from analysis.laws.registry import law_named
from tests.golden.analysis.reference import FOLDER, column, expected, rows


@pytest.fixture(scope="module")
def chinchilla() -> Fit:
    table = [row for row in rows("chinchilla_besiroglu.csv") if row["excluded_in_paper"] == "0"]
    axes = {"N": column(table, "N"), "D": column(table, "D")}
    return fit(
        law_named("power-nd"),
        columns=axes,
        response=column(table, "loss"),
        delta=1e-3,
        bootstrap=4000,
        seed=42,
    )


def test_chinchilla_reaches_the_global_minimum(chinchilla: Fit) -> None:
    minimum = expected("chinchilla_besiroglu")["global_minimum"]
    assert chinchilla.solution.objective <= 0.0010182740178 + 1e-9
    for name in ("A", "B", "E", "alpha", "beta"):
        assert chinchilla.parameters[name].value == pytest.approx(minimum[name], rel=1e-5)
    assert chinchilla.convergence.converged
    assert chinchilla.convergence.share_at_optimum > 0.8
    assert not chinchilla.convergence.bounds_hit


def test_chinchilla_bootstrap_equals_the_converged_one(chinchilla: Fit) -> None:
    reference = expected("chinchilla_besiroglu")["bootstrap_converged_seed42"]
    for name, estimate in chinchilla.parameters.items():
        assert estimate.se == pytest.approx(reference["se"][name], rel=0.03)
        assert [estimate.low, estimate.high] == pytest.approx(reference["ci95"][name], rel=0.03)


def test_no_resample_is_worse_than_a_library_optimiser_from_the_published_answer(
    chinchilla: Fit,
) -> None:
    assert resamples_worse_than_scipy(chinchilla, places=range(0, 4000, 20)) == []


@pytest.mark.slow
def test_none_of_all_resamples_is_worse_than_a_library_optimiser(chinchilla: Fit) -> None:
    assert resamples_worse_than_scipy(chinchilla, places=range(4000)) == []


def resamples_worse_than_scipy(chinchilla: Fit, *, places: range) -> list[int]:
    """SciPy's trust-region least squares with its own Huber loss, on the very resamples that seed
    42 gives."""
    from scipy.optimize import least_squares

    log_loss = chinchilla.points.log_mean
    log_n, log_d = (
        np.log(chinchilla.points.axes["N"]) - 20,
        np.log(chinchilla.points.axes["D"]) - 23,
    )

    def terms(theta: np.ndarray) -> np.ndarray:
        return np.exp(
            [
                theta[0] - theta[3] * log_n,
                theta[1] - theta[4] * log_d,
                np.full(len(log_n), theta[2]),
            ]
        )

    def misfit(theta: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        return (np.log(terms(theta).sum(axis=0)) - log_loss)[chosen]

    def slope(theta: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        share = terms(theta)
        share /= share.sum(axis=0)
        return np.stack(
            [share[0], share[1], share[2], -share[0] * log_n, -share[1] * log_d], axis=1
        )[chosen]

    draws = np.random.RandomState(42)
    from_table = np.argsort(chinchilla.points.appearance)
    start = [np.log(482) - 0.348 * 20, np.log(2085) - 0.366 * 23, np.log(1.817), 0.348, 0.366]
    worse = []
    for place in range(places.stop):
        chosen = from_table[draws.choice(len(log_loss), len(log_loss))]
        if place in places:
            peer = least_squares(
                misfit, start, jac=slope, args=(chosen,), loss="huber", f_scale=1e-3
            )  # type: ignore[arg-type]
            worse += [place] if chinchilla.draw_objectives[place] > peer.cost * (1 + 1e-9) else []
    return worse


def test_the_answer_to_the_choice_of_delta_is_the_published_path(chinchilla: Fit) -> None:
    path = expected("chinchilla_besiroglu")["delta_path"]
    for delta in ("1e-4", "6.5e-3", "inf"):
        found = fit(
            chinchilla.law,
            columns=chinchilla.points.axes,
            response=np.exp(chinchilla.points.log_mean),
            delta=float(delta),
            bootstrap=0,
            with_profile=False,
        )
        assert [found.parameters[name].value for name in ("E", "alpha", "beta")] == pytest.approx(
            path[delta], rel=2e-3
        )


def test_the_command_of_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    rows("chinchilla_besiroglu.csv")
    words = f"fit {FOLDER / 'chinchilla_besiroglu.csv'} --law power-nd --response loss --axes N,D"
    numbers = "--delta 1e-3 --bootstrap 200 --seed 42 --json"
    assert main([*words.split(), *numbers.split(), "--where", "excluded_in_paper == 0"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"law", "objective", "parameters", "convergence", "verdict", "warnings"} <= set(found)
    assert set(found["parameters"]["alpha"]) >= {"estimate", "se", "low", "high", "open"}
    assert found["objective"] <= 0.0010182740178 + 1e-9
    assert found["verdict"]["N"]["word"] == "scales"


def test_the_olmo_ladder_predicts_as_well_as_published() -> None:
    table = rows("olmo_ladder_step1.csv")
    train = [row for row in table if row["mode"] == "train"]
    held = max(table, key=lambda row: float(row["N"]) * (row["mode"] != "train"))
    axes = {"N": column(train, "N"), "D": column(train, "D")}
    found = fit(
        law_named("power-nd"),
        columns=axes,
        response=column(train, "loss_c4"),
        delta=1e-3,
        bootstrap=0,
        with_profile=False,
    )
    reference = expected("olmo_ladder_step1")
    assert found.solution.objective <= reference["fit"]["objective"] * (1 + 1e-6)
    predicted = found.predict({"N": column([held], "N"), "D": column([held], "D")})[0]
    error = predicted / float(held["loss_c4"]) - 1
    assert abs(error) <= abs(reference["published_rel_error"]) + 1e-6, (
        "the same minimum, to the digits that their optimiser kept"
    )


def test_the_over_trained_runs_are_predicted_as_well_as_published() -> None:
    from tests.golden.analysis.gadre import relative_errors

    reference = expected("gadre_overtraining_104")["their_notebook_rel_error_rpj"]
    found = relative_errors()
    assert found["open_lm_1b_M640"] <= reference["open_lm_1b_M640"]
    assert found["open_lm_7b_M20"] <= reference["open_lm_7b_M20"]


def test_the_papers_abnormal_fractions_follow_a_power_of_the_templates() -> None:
    table = [row for row in rows("phyworld_combinatorial.csv") if row["model"] == "DiT-XL"]
    c, share = column(table, "templates"), column(table, "abnormal_out")
    found = fit(
        law_named("ratio-power"),
        columns={"x": c},
        response=share,
        count=np.full(len(c), 100.0),
        bootstrap=0,
    )
    slope = next(
        value.value for name, value in found.parameters.items() if name in {"alpha", "gamma", "g"}
    )
    assert 0.75 < slope < 0.95
