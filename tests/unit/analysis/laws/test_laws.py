"""Every law of the registry: exact derivatives, planted numbers found again, words for the
reader."""

import numpy as np
import pytest

from analysis.estimate.loss import Binomial, Huber, Loss
from analysis.estimate.newton import minimise, weighted
from analysis.estimate.solve import free_mask
from analysis.fit.fit import fit
from analysis.laws.law import Built
from analysis.laws.registry import LAWS, law_named

NAMES = tuple(LAWS.entries())


def built(name: str, *, points: int = 30) -> tuple[Built, Loss, np.ndarray]:
    rng = np.random.default_rng(3)
    law = law_named(name)
    columns = {
        axis: rng.uniform(0.1, 0.9, points) if axis == "c" else np.exp(rng.uniform(1, 6, points))
        for axis in law.axes
    }
    target = rng.normal(0, 1, points)
    made = law.build(columns or {"x": np.ones(points)}, floor=None)
    starts = made.starts(target, np.ones(points))[:4]
    loss: Loss = Huber(target, np.inf)
    if law.response == "ratio":
        loss = Binomial(
            rng.uniform(0.05, 0.3, points),
            np.full(points, 40.0),
            law.link,
        )
        starts = starts * 0.1 - 1.5 * (np.arange(starts.shape[1]) == 0)
    return made, loss, starts + rng.normal(0, 0.01, starts.shape)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_and_hessian_are_exact(name: str) -> None:
    made, loss, theta = built(name)
    derivatives = weighted(loss, np.ones(made.model.points))

    def value(at: np.ndarray) -> np.ndarray:
        return np.asarray(loss.value(made.model.mu(at)).sum(axis=1))

    def gradient(at: np.ndarray) -> np.ndarray:
        return made.model.newton(at, derivatives=derivatives).gradient

    known = made.model.newton(theta, derivatives=derivatives)
    step = 1e-5 * np.eye(made.model.parameters)
    slope = np.stack([(value(theta + h) - value(theta - h)) / 2e-5 for h in step], axis=1)
    bend = np.stack([(gradient(theta + h) - gradient(theta - h)) / 2e-5 for h in step], axis=1)
    assert np.abs(slope - known.gradient).max() < 1e-6 * np.abs(slope).max()
    assert np.abs(bend - known.hessian).max() < 1e-6 * np.abs(bend).max()
    assert np.linalg.eigvalsh(known.damping).min() > -1e-9 * np.abs(known.damping).max()


@pytest.mark.parametrize("name", NAMES)
def test_a_law_says_what_it_is(name: str) -> None:
    law = law_named(name)
    assert law.name == name
    assert all(len(words) > 5 for words in (law.source, law.identifiable, law.domain))
    assert all(parameter in law.formula for parameter in law.parameters)
    assert law.has_floor == (law.parameters[0] == "E")
    assert 1 <= law.least_levels <= max(law.levels, 2)
    exponents = [law.exponent_of(axis) for axis in law.axes]
    assert {exponent for exponent in exponents if exponent} <= set(law.parameters)
    assert law.exponent_of("no such axis") is None


@pytest.mark.parametrize("name", NAMES)
def test_what_a_law_contains_is_a_law_of_some_of_its_axes(name: str) -> None:
    law = law_named(name)
    for inner in law.contains:
        assert set(law_named(inner).axes) <= set(law.axes)
        assert len(law_named(inner).parameters) < len(law.parameters)
        assert law_named(inner).contains <= law.contains


@pytest.mark.parametrize("name", NAMES)
def test_a_law_falls_along_each_axis_that_has_an_exponent(name: str) -> None:
    made, _, theta = built(name)
    law = law_named(name)
    inside = np.clip(theta, made.box.low, made.box.high)
    for axis in law.axes:
        if law.exponent_of(axis) is not None:
            columns = {other: np.full(9, 0.5 if other == "c" else 30.0) for other in law.axes}
            columns[axis] = np.linspace(0.1, 0.9, 9) if axis == "c" else np.geomspace(2, 400, 9)
            falls = np.diff(made.predict(inside, columns), axis=1)
            assert (falls <= 1e-12).all()
    assert (made.box.low <= made.box.high).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_surface_is_the_law(name: str) -> None:
    """E + A N^-alpha + B D^-beta by the surface's names equals the law's own prediction."""
    law = law_named(name)
    if law.surface is None:
        return
    made, _, theta = built(name)
    found, columns = made.external(theta), {"N": np.array([7.0]), "D": np.array([90.0])}
    surface = law.surface
    of_n = found[surface.amplitude_n] * 7.0 ** -found[surface.exponent_n]
    of_d = found[surface.amplitude_d] * 90.0 ** -found[surface.exponent_d]
    floor = np.exp(theta[:, 0])
    assert made.predict(theta, columns)[:, 0] == pytest.approx(floor + of_n + of_d)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_of_a_planted_law_are_found_again(name: str) -> None:
    """Predictions, not parameters: six loose parameters can describe one curve in two ways."""
    law, rng = law_named(name), np.random.default_rng(5)
    axes = law.axes or ("x",)
    levels = {"c": np.linspace(0.1, 0.95, 4), "epochs": np.array([1.0, 2.0, 4.0, 16.0])}
    most = {1: 9, 2: 5, 3: 4}[len(axes)]
    grid = np.meshgrid(*(levels.get(axis, np.geomspace(1e2, 1e5, most)) for axis in axes))
    columns = {axis: values.ravel() for axis, values in zip(axes, grid, strict=True)}
    made = law.build(columns, floor=None)
    starts = made.starts(rng.normal(-1, 1, grid[0].size), np.ones(grid[0].size))
    theta = starts[[min(7, len(starts) - 1)]]
    ratio = law.response == "ratio"
    theta[:, 0] = -2.0 if ratio else np.log(0.05)
    response = made.predict(theta, columns)[0]
    found = fit(
        law,
        columns=columns,
        response=response,
        count=np.full(len(response), 1e6) if ratio else None,
        delta=np.inf,
        bootstrap=0,
        with_profile=False,
    )
    assert np.abs(np.log(found.predict(columns) / response)).max() < 1e-3


def test_an_objective_never_rises_and_bounds_hold() -> None:
    made, loss, theta = built("power-nd")
    weights = np.ones((1, made.model.points))
    before = loss.value(made.model.mu(theta)).sum(axis=1)
    values = [before]
    for most in (1, 3, 10, 60):
        ended = minimise(
            made.model,
            loss,
            theta.copy(),
            weights=weights,
            box=made.box,
            free=free_mask(made),
            most=most,
        )
        assert (ended.theta >= made.box.low).all()
        assert (ended.theta <= made.box.high).all()
        values.append(ended.objective)
    assert (np.diff(values, axis=0) <= 1e-12).all()


def test_the_solver_agrees_with_scipy() -> None:
    from scipy.optimize import least_squares

    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(5, 12, 40)), np.exp(rng.uniform(5, 12, 40))
    loss = (0.1 + 5 * n**-0.4 + 9 * d**-0.6) * np.exp(0.02 * rng.standard_normal(40))
    found = fit(
        law_named("power-nd"),
        columns={"N": n, "D": d},
        response=loss,
        delta=np.inf,
        bootstrap=0,
        with_profile=False,
    )
    x, y = np.log(n) - np.log(n).mean(), np.log(d) - np.log(d).mean()

    def residual(p: np.ndarray) -> np.ndarray:
        return np.log(np.exp(p[0]) + np.exp(p[1] - p[3] * x) + np.exp(p[2] - p[4] * y)) - np.log(
            loss
        )

    other = least_squares(residual, [-2, -1, -1, 0.5, 0.5], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert found.solution.objective <= other.cost * (1 + 1e-9)
    assert abs(found.parameters["alpha"].value - other.x[3]) < 1e-4


def test_a_bounded_error_is_found_between_its_floor_and_its_ceiling() -> None:
    x = np.geomspace(1, 1e6, 25)
    share = 1 / (1 + (x / 1e3) ** 0.8)
    found = fit(
        law_named("bounded"),
        columns={"x": x},
        response=0.05 + 0.85 * share,
        delta=np.inf,
        bootstrap=0,
        with_profile=False,
    )
    values = {name: estimate.value for name, estimate in found.parameters.items()}
    assert values == pytest.approx({"E": 0.05, "H": 0.85, "b": 0.0, "c": 0.8, "k": 1.0}, abs=1e-4)
    u = (found.predict({"x": x}) - values["E"]) / values["H"]
    centred = np.log(x) - np.log(x).mean()
    assert np.log(u) - values["k"] * np.log1p(-u) == pytest.approx(
        values["b"] - values["c"] * centred, abs=1e-6
    ), "the equation of M4"


@pytest.mark.filterwarnings("ignore:The Log link function does not respect")
@pytest.mark.parametrize("name", ["ratio-logit", "ratio-power"])
def test_a_binomial_law_agrees_with_statsmodels(name: str) -> None:
    import statsmodels.api as sm

    x, count = np.geomspace(5, 500, 6), np.array([40.0, 60, 80, 100, 50, 30])
    hits = np.array([28.0, 30, 22, 15, 4, 1])
    found = fit(law_named(name), columns={"x": x}, response=hits / count, count=count, bootstrap=0)
    link = sm.families.links.Logit() if name == "ratio-logit" else sm.families.links.Log()
    design = np.column_stack([np.ones(6), -(np.log(x) - np.log(x).mean())])
    start = [-1.0, 0.5]
    other = sm.GLM(
        np.column_stack([hits, count - hits]), design, family=sm.families.Binomial(link=link)
    ).fit(start_params=start)
    first = (
        found.parameters["b"].value
        if name == "ratio-logit"
        else np.log(found.parameters["A"].value)
    )
    assert [first, found.parameters["g"].value] == pytest.approx(other.params, abs=1e-4)
    assert found.solution.objective == pytest.approx(other.deviance / 2, rel=1e-6)
