"""Every listed set beside what the official scripts gave: counts, first and last rows, sums, and
where the bodies end.

The numbers come from the scripts of arXiv 2411.02385 (its repository at ee0e473) and the copy of
Box2D that it bundles, run with drawing and files cut out. A row is [r, v] with colour and shape
where a file has them, or [r₁, r₂, v₁, v₂]; then x of each ball and y."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from physscale.records.video import PLACE
from physscale.simulate.named import named_data
from physscale.simulate.paper.listed_files import FILES, PaperFile, scenes_of
from physscale.simulate.paper.presets import PRESETS
from physscale.simulate.paper.sets import KEPT, PaperSet, table_of
from physscale.simulate.paper.starts import Scenes
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

NUMBERS: dict[str, Any] = json.loads(Path(__file__).with_name("official_numbers.json").read_text())
LARGE = 500_000
WITHOUT_A_SCRIPT = {"paper_colour_shape", "paper_colour_shape_eval"}
PLACES_M = 1e-4
"""Of a row's end. Box2D's single precision leaves up to 7e-5 m after a slow hit."""


CASES = [
    pytest.param(name, marks=pytest.mark.slow if count > LARGE else ())
    for name, count in ((name, held.get("count", KEPT["3M"])) for name, held in NUMBERS.items())
]


def listed(name: str) -> tuple[DataSpec, Scenes]:
    data = named_data(name)
    scenario = data.scenario
    if isinstance(scenario, PaperFile):
        return data, scenes_of(scenario.file)
    assert isinstance(scenario, PaperSet)
    return data, table_of(scenario)


def columns(scenes: Scenes, *, values: int) -> np.ndarray:
    """The official row: numbers, x of each ball, and y."""
    places = [*scenes.x_m.T, scenes.y_m]
    return np.column_stack([scenes.rows[:, : values - len(places)], *places])


def test_every_listed_set_has_official_numbers() -> None:
    """But for the pair whose script was not released, and tests that share one list."""
    sets = {name for name, kind in PRESETS.items() if isinstance(kind, PaperSet)}
    grouped = {name for name in sets if PRESETS[name].group != "all"}  # type: ignore[attr-defined]
    shared = {f"paper_{name}" for name in FILES if name.startswith("hole") and "eval" in name}
    assert sets - grouped <= set(NUMBERS)
    assert {f"paper_{name}" for name in FILES} - shared - WITHOUT_A_SCRIPT <= set(NUMBERS)
    assert shared & set(NUMBERS) == {"paper_hole_2_3_eval", "paper_hole_mass_0.8_1.2_eval"}


@pytest.mark.parametrize("name", CASES)
def test_a_set_is_listed_as_the_official_script_makes_it(name: str) -> None:
    official = NUMBERS[name]
    data, scenes = listed(name)
    assert data.videos == len(scenes.rows) == official.get("count", data.videos)
    first, last = ("first", "last") if "first" in official else ("first_row", "last_row")
    wanted = np.array([official[first], official[last]])
    rows = scenes.rows if first == "first_row" else columns(scenes, values=wanted.shape[1])
    rows = _turned(rows, name=name)
    np.testing.assert_allclose(rows[[0, -1]], wanted, atol=1e-8)
    sums = official.get("sums") or official.get("row_sums")
    if sums:
        np.testing.assert_allclose(rows.sum(0)[: len(sums)], sums, rtol=1e-10, atol=1e-4)


def _turned(rows: np.ndarray, *, name: str) -> np.ndarray:
    """A ball to the left, up or down starts where x and y are exchanged or mirrored."""
    *values, x, y = rows.T
    if name.endswith("_left"):
        return np.column_stack([*values, 10.0 - x, y])
    if name.endswith("_up"):
        return np.column_stack([*values, y, x])
    if name.endswith("_down"):
        return np.column_stack([*values, y, 10.0 - x])
    return rows


WITH_ENDS = [name for name in NUMBERS if "end_sums" in NUMBERS[name]]
WHOLE = ("uniform_eval", "parabola_eval", "collision_eval")


@pytest.mark.parametrize("name", WITH_ENDS)
def test_bodies_end_where_the_authors_box2d_leaves_them(name: str) -> None:
    data = named_data(name)
    ends = simulate(data, indices=np.array([0, data.videos - 1])).state[:, -1, :, PLACE]
    wanted = [NUMBERS[name]["end_first"], NUMBERS[name]["end_last"]]
    np.testing.assert_allclose(ends.reshape(2, -1), wanted, atol=PLACES_M)


@pytest.mark.parametrize(
    "name",
    [name if name in WHOLE else pytest.param(name, marks=pytest.mark.slow) for name in WITH_ENDS],
)
def test_all_of_them_do(name: str) -> None:
    data = named_data(name)
    ends = simulate(data, indices=np.arange(data.videos)).state[:, -1, :, PLACE]
    found = ends.reshape(len(ends), -1).astype(np.float64).sum(0)
    np.testing.assert_allclose(found, NUMBERS[name]["end_sums"], atol=1e-5 * len(ends))


def test_the_given_counts_of_collisions_are_those_of_the_filter() -> None:
    for part in ("30K", "300K"):
        assert len(table_of(PaperSet(law="collision", part=part)).rows) == KEPT[part]
