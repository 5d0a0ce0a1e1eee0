"""A row depends on (scenario, seed, draw, i) alone: nothing about workers, blocks or sizes can
change it."""

import hashlib
import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.video import Videos
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.registry import scenario_named, scenario_names
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

COLUMNS = ("index", "time_s", "state", "body", "contact_s")
DATA = DataSpec(scenario=Collision(), videos=10_000)


def digest(videos: Videos) -> str:
    return hashlib.sha256(
        b"".join(np.ascontiguousarray(getattr(videos, name)).tobytes() for name in COLUMNS)
    ).hexdigest()


@pytest.mark.parametrize("name", scenario_names())
def test_a_small_set_is_the_beginning_of_a_large_one(name: str) -> None:
    sizes = (1000, 10_000) if name == "uniform" else (100, 1000)
    small, large = (
        simulate(DataSpec(scenario=scenario_named(name), videos=size), indices=np.arange(size))
        for size in sizes
    )
    assert digest(small) == digest(large.take(slice(0, sizes[0])))


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 99), max_size=6), data=st.data())
def test_no_division_into_blocks_and_no_order_changes_a_row(
    cuts: list[int], data: st.DataObject
) -> None:
    edges = sorted({0, 100, *cuts})
    blocks = [np.arange(start, stop) for start, stop in itertools.pairwise(edges)]
    order = data.draw(st.permutations(range(len(blocks))))
    made = Videos.concat([simulate(DATA, indices=blocks[number]) for number in order])
    assert digest(made.take(np.argsort(made.index))) == digest(
        simulate(DATA, indices=np.arange(100))
    )


def test_more_frames_continue_the_same_videos() -> None:
    short, long = (
        simulate(replace(DATA, frames=frames), indices=np.arange(50)) for frames in (16, 32)
    )
    assert np.array_equal(short.state, long.state[:, :16])


OTHER_SCENARIO = Collision(left_speed_m_s=((1.0, 4.000001),))


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"draw": "held_out"}, {"scenario": OTHER_SCENARIO}],
    ids=["seed", "draw", "scenario"],
)
def test_seed_draw_and_scenario_each_make_other_rows(change: dict[str, object]) -> None:
    ours, other = (
        simulate(data, indices=np.arange(64)) for data in (DATA, replace(DATA, **change))
    )  # type: ignore[arg-type]
    assert not (ours.state[:, 0, 0, 0] == other.state[:, 0, 0, 0]).any()


def test_what_does_not_concern_the_scene_leaves_it_alone() -> None:
    other = replace(DATA, videos=3, split="id", interval_s=0.05)
    assert np.array_equal(
        simulate(DATA, indices=np.arange(9)).state[:, 0],
        simulate(other, indices=np.arange(9)).state[:, 0],
    )


GOLDEN_X_VX = [[8.628155, -2.837914], [7.841806, -2.679918], [7.583341, -3.67056]]


def test_rows_are_what_they_were() -> None:
    """Golden: a changed draw would silently change every data set ever named by its fingerprint."""
    videos = simulate(
        DataSpec(scenario=UniformMotion(), videos=3), indices=np.array([0, 1, 2_999_999])
    )
    np.testing.assert_allclose(videos.state[:, 0, 0, [0, 3]], GOLDEN_X_VX, rtol=2e-7)
