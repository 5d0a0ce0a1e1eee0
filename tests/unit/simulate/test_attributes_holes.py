"""Attribute pairs, holes and gaps: what is trained and what is held out never meet, and distances
from the trained say so."""

import itertools

import numpy as np
import pytest

from physscale.records.errors import UserError
from physscale.records.scene import Shape
from physscale.records.video import BODY, STATE, Videos
from physscale.simulate.paper.presets import ATTRIBUTE_PAIRS, GAPS, PRESETS
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.attributes import Attributes
from physscale.simulate.scenarios.holes import HOLES, CollisionHoles
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

VX, VY = STATE.index("vx_m_s"), STATE.index("vy_m_s")


def rows(scenario: Scenario, *, count: int = 200) -> Videos:
    return simulate(DataSpec(scenario=scenario, videos=count, frames=4), indices=np.arange(count))


def levels(videos: Videos) -> dict[str, np.ndarray]:
    """0 or 1 of each attribute, read off the row."""
    body = {name: videos.body[:, 0, column] for column, name in enumerate(BODY)}
    return {
        "colour": (body["blue"] == 255).astype(int),
        "size": (body["radius_m"] > 1.05).astype(int),
        "velocity": (videos.state[:, 0, 0, VX] > 2.5).astype(int),
        "shape": ((body["shape"] == Shape.BOX) | (body["half_height_m"] > 0)).astype(int),
    }


@pytest.mark.parametrize("pair", ATTRIBUTE_PAIRS, ids="_".join)
def test_two_of_four_combinations_are_trained_and_the_others_tested(pair: tuple[str, str]) -> None:
    name = "_".join(pair)
    seen, held = levels(rows(PRESETS[f"{name}_seen"])), levels(rows(PRESETS[f"{name}_held"]))
    assert (seen[pair[0]] == seen[pair[1]]).all()
    assert (held[pair[0]] != held[pair[1]]).all()
    assert seen[pair[0]].mean() == pytest.approx(0.5, abs=0.12)
    for other in {"size", "velocity"} - set(pair):
        assert 0.3 < seen[other].mean() < 0.7, "what is not in the pair varies freely"


def test_binary_steps_are_the_extremes_alone() -> None:
    videos = rows(PRESETS["velocity_size_binary_held"])
    pairs = {
        (round(float(v), 6), round(float(r), 6))
        for v, r in zip(videos.state[:, 0, 0, VX], videos.body[:, 0, 1], strict=True)
    }
    assert pairs == {(1.0, 1.4), (4.0, 0.7)}


def test_rings_are_red_and_balls_blue_in_training() -> None:
    seen = rows(PRESETS["ring_seen"])
    ring = seen.body[:, 0, BODY.index("half_height_m")] > 0
    assert (seen.body[:, 0, BODY.index("red")] == np.where(ring, 255, 0)).all()
    assert (seen.body[:, 0, 0] == Shape.DISC).all()


def test_controls_have_one_colour_and_one_half_of_the_speeds() -> None:
    red, blue = rows(PRESETS["control_red_slow"]), rows(PRESETS["control_blue_fast"])
    assert (red.body[:, 0, BODY.index("red")] == 255).all()
    assert red.state[:, 0, 0, VX].max() <= 2.5
    assert (blue.body[:, 0, BODY.index("blue")] == 255).all()
    assert blue.state[:, 0, 0, VX].min() >= 2.5


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_and_its_inside_tile_the_speeds(name: str) -> None:
    outside, inside = PRESETS[name], PRESETS[f"{name}_inside"]
    assert isinstance(outside, UniformMotion)
    assert isinstance(inside, UniformMotion)
    bands = sorted(outside.speed_m_s + inside.speed_m_s)
    assert (bands[0][0], bands[-1][1]) == (1.0, 4.0)
    assert all(left[1] == right[0] for left, right in itertools.pairwise(bands))


def pairs_of(videos: Videos, scenario: CollisionHoles) -> np.ndarray:
    """(left, right) speeds or radii."""
    if scenario.plane == "radius":
        return videos.body[..., BODY.index("radius_m")].astype(np.float64)
    return (videos.state[:, 0, :, VX] * np.array([1, -1])).astype(np.float64)


@pytest.mark.parametrize("name", [*HOLES, "hole_mass_0.8_1.2"])
def test_a_hole_is_trained_outside_and_tested_inside(name: str) -> None:
    outside, inside = PRESETS[name], PRESETS[f"{name}_inside"]
    assert isinstance(outside, CollisionHoles)
    assert isinstance(inside, CollisionHoles)
    seen, held = (outside.distance(pairs_of(rows(one), one)) for one in (outside, inside))
    for scenario, distance in ((outside, seen), (inside, held)):
        np.testing.assert_array_equal(
            rows(scenario).from_trained,
            distance.columns,
            "the row does not say what its scenario says",
        )
    assert seen.region.max() <= 1e-6
    assert seen.hull.max() == 0
    assert held.region.min() > 0
    inner_hull = name != "hole_l_shape"
    assert (held.hull.max() <= 1e-6) == inner_hull, (
        "only the L-shape's hole reaches beyond the hull"
    )


def test_distances_by_hand() -> None:
    trained = CollisionHoles(holes=(((2.0, 3.0), (2.0, 3.0)),))
    pairs = np.array([[1.5, 1.5], [2.5, 2.9], [2.5, 2.5], [0.0, 2.0], [5.0, 5.0], [4.0, 1.0]])
    distance = trained.distance(pairs)
    assert distance.region.tolist() == pytest.approx([0, 0.1, 0.5, 1.0, 2**0.5, 0])
    assert distance.hull.tolist() == pytest.approx([0, 0, 0, 1.0, 2**0.5, 0])
    corner = CollisionHoles(holes=(((1.25, 4.0), (1.25, 4.0)),)).distance(np.array([[4.0, 4.0]]))
    assert corner.hull[0] == pytest.approx((8 - 5.25) / 2**0.5), (
        "the L's hull is cut along v₁ + v₂ = 5.25"
    )


@pytest.mark.parametrize(
    ("direction", "sign", "axis"),
    [("right", 1, VX), ("left", -1, VX), ("up", 1, VY), ("down", -1, VY)],
)
def test_all_four_directions(direction: str, sign: int, axis: int) -> None:
    velocity = rows(PRESETS[f"uniform_{direction}"]).state[:, 0, 0]
    assert (np.sign(velocity[:, axis]) == sign).all()
    assert (velocity[:, VX + VY - axis] == 0).all()


def test_wrong_pairs_and_holes_are_named() -> None:
    with pytest.raises(UserError, match="two different ones"):
        Attributes(pair=("size", "size"))
    with pytest.raises(UserError, match="levels 0 or 1"):
        Attributes(combinations=((0, 2),))
    with pytest.raises(UserError, match="rectangles"):
        CollisionHoles(holes=(((3.0, 2.0), (1.0, 2.0)),))
    with pytest.raises(UserError, match="found none inside"):
        rows(CollisionHoles(holes=(((8.0, 9.0), (8.0, 9.0)),), side="inside"), count=1)
