"""Axes that move together: whose effect it is stays open, and the joint change is told."""

from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.commands.result import as_object
from analysis.data.configurations import configurations
from analysis.data.table import read_runs
from analysis.fit.fit import fit
from analysis.laws.registry import law_named
from analysis.verdict.trend import Entangled, Trend, trend
from analysis.verdict.verdict import decide, holm


def proportional(unit: float, *, exponent: float, seed: int = 0) -> tuple[dict, np.ndarray]:
    """Six sizes, D = 20 N, three seeds."""
    n = np.repeat(np.geomspace(1e6, 1e9, 6), 3)
    noise = np.random.default_rng(seed).normal(0, 0.03, len(n))
    return {"N": n, "D": 20 * n}, unit * (n / 1e6) ** -exponent * np.exp(noise)


@pytest.mark.parametrize("unit", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("exponent", [0.0, 0.3, -0.3])
def test_neither_axis_of_a_proportional_ladder_gets_a_verdict(unit: float, exponent: float) -> None:
    points = configurations(*proportional(unit, exponent=exponent))
    for axis, other in (("N", "D"), ("D", "N")):
        found = holm([decide(points, axis=axis)])[0]
        assert found.word == "undetermined"
        assert found.reason.startswith(f"axes move together: {axis} with {other}")
        assert found.change is None
        assert found.joint == pytest.approx(-exponent * np.log(1e3), abs=0.1)
        assert found.joint_low < found.joint < found.joint_high


def test_a_third_axis_stays_controlled_and_has_its_own_trend() -> None:
    n, c = (values.ravel() for values in np.meshgrid(np.geomspace(1, 1e3, 5), [1.0, 2, 4, 8]))
    y = n**-0.2 * c**0.5 * np.exp(np.random.default_rng(1).normal(0, 0.01, len(n)))
    points = configurations({"N": n, "D": 20 * n, "C": c}, y)
    both = trend(points, axis="N")
    assert isinstance(both, Entangled)
    assert both.along == ("D",)
    assert both.joint is not None
    assert both.joint.slope == pytest.approx(-0.2, abs=0.01)
    alone = trend(points, axis="C")
    assert isinstance(alone, Trend)
    assert alone.slope == pytest.approx(0.5, abs=0.02)


def test_an_axis_that_two_others_give_moves_with_one_of_them() -> None:
    n, d = (
        values.ravel() for values in np.meshgrid(np.geomspace(1, 1e3, 5), np.geomspace(1, 9, 5))
    )
    y = n**-0.2 * d**-0.4 * np.exp(np.random.default_rng(2).normal(0, 0.01, len(n)))
    points = configurations({"N": n, "D": d, "C": 6 * n * d}, y)
    for axis in points.axes:
        found = trend(points, axis=axis)
        assert isinstance(found, Entangled), axis
        assert len(found.along) == 1


def test_rounding_does_not_part_the_axes() -> None:
    axes, y = proportional(1.0, exponent=0.3)
    rounded = np.array([float(f"{value:.2g}") for value in axes["D"]])
    found = decide(configurations(axes | {"D": rounded}, y), axis="N")
    assert found.moves_with == ("D",)


@pytest.mark.parametrize("axis", ["N", "D"])
def test_the_runs_that_are_named_part_the_axes(axis: str) -> None:
    axes, y = proportional(1.0, exponent=0.3)
    found = decide(configurations(axes, y), axis=axis)
    assert 1 <= len(found.parted_by) <= 3
    first = found.parted_by[0]
    assert f" at N={first['N']:.3g} D={first['D']:.3g}" in found.reason
    more = {name: np.repeat([run[name] for run in found.parted_by], 3) for name in axes}
    assert all(set(values) <= set(axes[name]) for name, values in more.items())
    law = 2e3 * more["N"] ** -0.1 * more["D"] ** -0.2
    base = 2e3 * axes["N"] ** -0.1 * axes["D"] ** -0.2
    noise = np.random.default_rng(5).normal(0, 0.01, len(base) + len(law))
    parted = {name: np.append(axes[name], more[name]) for name in axes}
    both = configurations(parted, np.append(base, law) * np.exp(noise))
    alone = trend(both, axis=axis)
    assert isinstance(alone, Trend)
    assert alone.slope == pytest.approx({"N": -0.1, "D": -0.2}[axis], abs=0.03)


def test_units_do_not_change_a_joint_change() -> None:
    one, other = (
        decide(configurations(*proportional(unit, exponent=0.3)), axis="N") for unit in (1.0, 0.1)
    )
    assert one.joint == pytest.approx(other.joint)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    axes, loss = proportional(3.0, exponent=0.1)
    path = tmp_path / "runs.csv"
    rows = [f"{n},{d},{y}" for n, d, y in zip(axes["N"], axes["D"], loss, strict=True)]
    path.write_text("\n".join(["N,D,loss", *rows]))
    return path


def test_the_frontier_of_one_line_is_refused(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["frontier", str(table), "--response", "loss", "--axes", "N,D"]) == 2
    assert "N and D move together" in capsys.readouterr().err


def test_a_fit_on_one_line_has_no_exponent_of_compute(table: Path) -> None:
    runs = read_runs(table, response="loss", axes={"N": "N", "D": "D"})
    fitted = fit(
        law_named("power-nd"),
        columns=runs.axes,
        response=runs.response,
        floor=0.0,
        bootstrap=2,
        with_profile=False,
    )
    found = as_object(fitted, verdicts=[])
    assert found["derived"] == {}
    assert any("move together" in text for text in found["warnings"])
