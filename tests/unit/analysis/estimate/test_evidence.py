"""Faults of published fits are caught: a start returned as the answer, an identity covariance, a
bound, an interval without an end."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.estimate.evidence import doubts, suspect_covariance
from analysis.fit.fit import Fit, fit
from analysis.laws.registry import law_named

RNG = np.random.default_rng(1)
N = np.repeat(np.geomspace(1e4, 1e7, 6), 6)
D = np.tile(np.geomspace(1e3, 1e6, 6), 6)
LOSS = (0.05 + 3 * N**-0.35 + 20 * D**-0.5) * np.exp(RNG.normal(0, 0.02, 36))


def planted(response: np.ndarray = LOSS, *, law: str = "power-nd") -> Fit:
    return fit(
        law_named(law), columns={"N": N, "D": D}, response=response, delta=np.inf, bootstrap=200
    )


def test_a_start_point_returned_as_the_answer_is_said() -> None:
    found = planted()
    assert found.convergence.converged
    assert found.convergence.moved > 1e-3
    assert not any("converged" in warning for warning in found.warnings)
    stuck = replace(found.convergence, gradient=0.1, moved=0.0)
    assert not stuck.converged
    words = doubts(
        found.law, found.built, found.points, evidence=stuck, found={}, draws=found.draws
    )
    assert words[:2] == [
        "not converged: relative gradient 0.1",
        "not moved from its start: the answer is the start point",
    ]


def test_an_identity_is_no_covariance() -> None:
    assert "identity" in (suspect_covariance(np.eye(5)) or "")
    assert "identity" in (suspect_covariance(3.7 * np.eye(3)) or "")
    assert "not positive" in (suspect_covariance(np.diag([1.0, -1.0])) or "")
    assert "not finite" in (suspect_covariance(np.full((2, 2), np.nan)) or "")
    assert suspect_covariance(np.cov(planted().draws.T)) is None


def test_a_parameter_at_its_bound_is_named() -> None:
    rising = planted(0.5 * N**0.2 * np.exp(RNG.normal(0, 0.02, 36)))
    assert rising.convergence.bounds_hit
    assert any("bound" in warning for warning in rising.warnings)


def test_an_open_profile_is_open_and_said() -> None:
    x = np.geomspace(1e3, 1e5, 5).repeat(3)
    found = fit(
        law_named("power"),
        columns={"x": x},
        response=np.exp(RNG.normal(0, 0.02, 15)),
        bootstrap=200,
    )
    assert found.profiles["alpha"].high is None, (
        "without a trend every exponent fits, with an amplitude of nothing"
    )
    assert found.parameters["alpha"].open
    assert found.parameters["alpha"].high is None
    assert any("open interval: alpha" in warning for warning in found.warnings)


def test_without_noise_the_planted_law_is_found_exactly() -> None:
    clean = 0.05 + 3 * N**-0.35 + 20 * D**-0.5
    found = fit(
        law_named("power-nd"),
        columns={"N": N, "D": D},
        response=clean,
        delta=1e-3,
        bootstrap=0,
        with_profile=False,
    )
    for name, value in {"E": 0.05, "A": 3.0, "B": 20.0, "alpha": 0.35, "beta": 0.5}.items():
        assert abs(found.parameters[name].value / value - 1) < 1e-6


def test_the_answer_does_not_depend_on_units_or_order() -> None:
    order = RNG.permutation(36)
    first = planted().parameters
    scaled = fit(
        law_named("power-nd"),
        columns={"N": 1e3 * N[order], "D": D[order]},
        response=7 * LOSS[order],
        delta=np.inf,
        bootstrap=0,
    )
    assert abs(scaled.parameters["alpha"].value - first["alpha"].value) < 1e-6
    assert abs(scaled.parameters["beta"].value - first["beta"].value) < 1e-6
    assert abs(scaled.parameters["E"].value / first["E"].value - 7) < 1e-5


def test_an_estimate_at_its_bound_has_a_one_sided_interval() -> None:
    """A floor of zero has no lower end to miss: the two-sided threshold would hold the truth in
    99.7 of 100 worlds."""
    from scipy.stats import f

    pure = fit(
        law_named("power-nd"),
        columns={"N": N, "D": D},
        response=LOSS - 0.06,
        delta=np.inf,
        bootstrap=0,
    )
    assert pure.convergence.bounds_hit == ("E",)
    assert pure.profiles["E"].threshold == pytest.approx(f.ppf(0.90, 1, pure.noise.freedom) / 2)
    assert pure.profiles["alpha"].threshold == pytest.approx(f.ppf(0.95, 1, pure.noise.freedom) / 2)
