"""The official attribute, gap and hole files: their counts, grids, order, traps and leaks (arXiv
2411.02385, id_ood_data)."""

import itertools

import numpy as np
import pytest

from physscale.records.errors import UserError
from physscale.records.scene import Shape
from physscale.records.video import BODY, Videos
from physscale.simulate.named import named_data
from physscale.simulate.paper.files import RED, SMALL_CHUNK
from physscale.simulate.paper.grids import SEED, SPEED_M_S
from physscale.simulate.paper.listed_files import FILES, PaperFile, scenes_of
from physscale.simulate.paper.sets import PaperSet, turned
from physscale.simulate.paper.starts import CHUNK
from physscale.simulate.scenarios.holes import papers_holes
from physscale.simulate.simulate import simulate

COUNTS = {
    "colour_size": 300_000,
    "colour_size_eval": 1_364,
    "colour_velocity": 300_000,
    "colour_velocity_eval": 1_584,
    # of the published random list; 150,000 of a grid, 150K in the file's name
    "velocity_size": 149_958,
    "size_shape": 300_000,
    "size_shape_eval": 620,
    "velocity_shape": 300_000,
    "velocity_shape_eval": 704,
    "colour_shape": 600_000,
    "colour_shape_eval": 1_364,  # 1.4K
    "control_red_slow": 300_000,
    "control_blue_fast": 300_000,
    "gap_1.25_3.75": 200_734,  # 200.7K
    "gap_1.5_3.5": 100_200,
    "gap_1.75_3.25": 150_000,
    "gap_2_3": 199_800,
    "gap_1.25_3.75_head": 50_400,
    "gap_three_strips_head": 75_600,
    "gap_three_strips": 168_300,
    "gap_four_strips": 100_200,
    "gap_eval": 4_356,
    "gap_beyond_eval": 4_392,
    "gap_beyond_5.8k_eval": 5_832,
    "hole_2_3": 1_446_480,
    "hole_three_squares": 1_183_203,  # 1.2M
    "hole_1.75_3.25": 1_217_160,
    "hole_1.5_3.5": 899_640,
    "hole_1.25_3.75": 493_920,
    "hole_1.1_3.9": 257_985,  # 258.0K
    "hole_l_shape": 306_936,
    "hole_mass_0.8_1.2": 1_402_817,
    **{
        f"{name}_eval": 5_912 if hole.plane == "radius" else 6_825
        for name, hole in papers_holes().items()
    },  # of 5,915
    "collision_10k": 9_216,
    "collision_110k": 116_281,
    "collision_1.6m": 1_640_961,
}

TRAINED = {
    "velocity_size": "gap",
    "control_red_slow": "colour_velocity",
    "control_blue_fast": "colour_velocity",
}
"""The training file whose evaluation file is used, for those without one of their own name."""


def listed(file: str, *, chosen: slice | None = None) -> Videos:
    data = named_data(f"paper_{file}", videos=None)
    return simulate(data, indices=np.arange(data.videos)[chosen or slice(None)])


def constants(videos: Videos, name: str) -> np.ndarray:
    return videos.body[:, 0, BODY.index(name)]


@pytest.mark.parametrize("file", FILES)
def test_every_file_has_its_count(file: str) -> None:
    assert PaperFile(file=file).count == COUNTS[file]


@pytest.mark.parametrize(
    "file",
    [name for name in FILES if name.endswith("_eval") and "gap" not in name and "hole" not in name],
)
def test_a_pair_is_tested_on_all_four_quarters_and_trained_on_two(file: str) -> None:
    videos = listed(file)
    names, counts = np.unique(videos.template, return_counts=True)
    both = {"0-0", "0-1"} if "colour" not in file else {"0-0", "1-0"}
    assert set(names) == (
        {f"{a}-{b}" for a in (0, 1) for b in (0, 1)} if file == "colour_shape_eval" else both
    )
    assert len(set(counts)) == 1
    assert (constants(videos, "blue") == 255).tolist() == [
        name[0] == "1" for name in videos.template
    ]
    assert (constants(videos, "shape") == Shape.BOX).tolist() == [
        name[2] == "1" for name in videos.template
    ]
    seen = listed(file.removesuffix("_eval"), chosen=slice(0, 300))
    marked = seen.template != "0-0"
    high = {
        "size": constants(seen, "radius_m") >= 1.05 - 1e-6,
        "velocity": seen.state[:, 0, 0, 3] >= 2.5 - 1e-6,
        "shape": constants(seen, "shape") == Shape.BOX,
    }[file.split("_")[1] if "colour" in file else file.split("_")[0]]
    assert (high == marked).mean() > 0.99, "the middle belongs to both halves"


@pytest.mark.parametrize(
    ("file", "chunk"),
    [("colour_size", SMALL_CHUNK), ("size_shape", CHUNK), ("gap_eval", SMALL_CHUNK)],
)
def test_a_file_is_shuffled_and_placed_by_the_legacy_generator(file: str, chunk: int) -> None:
    """Row by row from NumPy's own numbers: block shuffles, the shuffle of all, and the places that
    repeat every chunk."""
    rng = np.random.RandomState(SEED)
    scene = [PaperFile(file=file).scene(index).bodies[0] for index in (0, 1, chunk, chunk + 1)]
    if file == "colour_size":
        halves = np.linspace(0.7, 1.05, 150), np.linspace(1.05, 1.4, 150)
        made = []
        for radii in halves:
            block = list(itertools.product(radii, np.linspace(*SPEED_M_S, 1000)))
            rng.shuffle(block)
            made += block
        rng.shuffle(made)
        found = [(body.radius_m, body.vx_m_s) for body in scene]
        np.testing.assert_allclose(
            found, [made[index] for index in (0, 1, chunk, chunk + 1)], atol=1e-12
        )
    for pair in (scene[:2], scene[2:]):
        again = np.random.RandomState(SEED)
        for body in pair:
            rightmost = 10 - (2.4 * body.vx_m_s + body.radius_m)
            if rightmost < body.radius_m:
                rightmost = body.radius_m + 0.5 * again.rand()
            assert body.x_m == pytest.approx(
                body.radius_m + again.rand() * (rightmost - body.radius_m), abs=1e-12
            )
            assert body.y_m == pytest.approx(
                body.radius_m + 0.5 + again.rand() * (9 - 2 * body.radius_m), abs=1e-12
            )


@pytest.mark.parametrize("file", ["gap_three_strips", "gap_1.75_3.25"])
def test_a_gap_is_left_out_of_training_and_not_of_its_test(file: str) -> None:
    held = {"gap_three_strips": (1.25, 2.375), "gap_1.75_3.25": (1.75, 3.25)}[file]

    def within(videos: Videos) -> np.ndarray:
        return (videos.state[:, 0, 0, 3] > held[0] + 1e-6) & (
            videos.state[:, 0, 0, 3] < held[1] - 1e-6
        )

    assert not within(listed(file, chosen=slice(0, 2000))).any()
    assert within(listed("gap_eval", chosen=slice(0, 500))).any()


def test_an_evaluation_of_holes_says_how_far_each_pair_is() -> None:
    """Inside the hole 0 from the hull and not from the region; below 1 m/s out of both; trained
    pairs 0 and 0."""
    videos = listed("hole_2_3_eval", chosen=slice(0, 1500))
    left, right = videos.state[:, 0, 0, 3], -videos.state[:, 0, 1, 3]
    assert videos.from_trained is not None
    region, hull = videos.from_trained.T
    inside = (np.abs(left - 2.5) < 0.5 - 1e-5) & (np.abs(right - 2.5) < 0.5 - 1e-5)
    assert (region[inside] > 0).all()
    assert (hull[inside] == 0).all()
    np.testing.assert_allclose(
        hull, np.maximum(1.0 - left, 0) + np.maximum(left - 4.0, 0), atol=1e-6
    )
    assert (region[~inside & (hull == 0)] < 1e-6).all()
    assert listed("gap_eval", chosen=slice(0, 9)).from_trained is None


@pytest.mark.parametrize(
    "file",
    [name for name in FILES if not name.endswith("_eval") and not name.startswith("collision")],
)
def test_no_evaluation_file_shares_a_scene_with_its_training_file(file: str) -> None:
    """They share values of r and v at the corners; even so no scene is the same."""
    test = TRAINED.get(file, "gap" if file.startswith("gap") else file)
    training, asked = (
        np.column_stack([one.rows, one.x_m, one.y_m])
        for one in (scenes_of(file), scenes_of(f"{test}_eval"))
    )
    suspects = np.all(
        [np.isin(training[:, column], asked[:, column]) for column in range(2)], axis=0
    )
    assert suspects.any() == (file != "velocity_size"), (
        "grids share their ends, the random list shares none"
    )
    assert not {row.tobytes() for row in training[suspects]} & {row.tobytes() for row in asked}


def test_one_list_goes_all_four_ways() -> None:
    ways = {
        way: PaperSet(law="uniform", way=way).scene(7).bodies[0]
        for way in ("right", "left", "up", "down")
    }  # type: ignore[arg-type]
    right = ways["right"]
    assert (ways["left"].x_m, ways["left"].vx_m_s) == (10 - right.x_m, -right.vx_m_s)
    assert (ways["up"].x_m, ways["up"].y_m, ways["up"].vy_m_s) == (
        right.y_m,
        right.x_m,
        right.vx_m_s,
    )
    assert (ways["down"].y_m, ways["down"].vy_m_s) == (10 - right.x_m, -right.vx_m_s)
    assert turned(right, way="right") is right
    with pytest.raises(UserError, match="other ways"):
        PaperSet(law="parabola", way="left")


def test_an_unknown_file_is_named() -> None:
    with pytest.raises(UserError, match="colour_size_eval"):
        PaperFile(file="color_size")
    assert RED == 0.0
