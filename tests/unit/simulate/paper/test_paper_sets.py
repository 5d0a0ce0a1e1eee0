"""The official data sets: their counts, ends, traps and filters, as published or replayed by others
(arXiv 2411.02385)."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from physscale.dataset.check import first_states, known
from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY
from physscale.simulate.paper.grids import SEED, Level, Motion, evaluation_set, names, training_set
from physscale.simulate.paper.sets import PaperSet
from physscale.simulate.paper.starts import CHUNK, replay
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.paper_videos import paper_data

RADIUS = BODY.index("radius_m")


@pytest.mark.parametrize(
    ("law", "count"), [("uniform", 1152), ("parabola", 1056), ("collision", 1635)]
)
def test_the_evaluation_sets_have_exactly_the_published_counts(law: Motion, count: int) -> None:
    data = paper_data(law, part="eval")
    assert data.videos == count
    videos = simulate(data, indices=np.arange(count))
    assert len(np.unique(videos.template)) == {"uniform": 9, "parabola": 9, "collision": 16}[law], (
        "no both_high collision is kept"
    )
    assert videos.time_s[0, [0, -1]].tolist() == pytest.approx([0.01, 3.11])


def test_the_blocks_have_the_published_sizes() -> None:
    sizes = {
        law: Counter(names(evaluation_set(law, values="random"))) for law in ("uniform", "parabola")
    }
    low = {"radius_low": 64, "speed_low": 128, "both_low": 128}
    high = {
        "radius_high": 128,
        "speed_high": 160,
        "both_high": 128,
        "cross_fast_small": 128,
        "cross_slow_large": 128,
    }
    assert sizes["uniform"] == {"id": 160} | low | high
    assert (
        sizes["parabola"] == {"id": 160, "radius_low": 32, "speed_low": 64, "both_low": 128} | high
    )


def test_the_filter_of_collisions_keeps_what_it_kept() -> None:
    """Per family of blocks: 225 of 256, 663 of 666, 156 of 904, 591 of 636."""
    parts = evaluation_set("collision", values="random")
    starts, name = (
        replay("collision", rows=np.concatenate([part.rows for part in parts])),
        names(parts),
    )
    family = np.array(
        [
            next(word for word in ("id", "low", "high", "cross") if word in each.split("_"))
            for each in name
        ]
    )
    found = {
        word: (int(starts.kept[family == word].sum()), int((family == word).sum()))
        for word in np.unique(family)
    }
    assert found == {"id": (225, 256), "low": (663, 666), "high": (156, 904), "cross": (591, 636)}


@pytest.mark.parametrize(
    ("level", "tried", "kept"), [("30K", 28_224, 26_066), ("300K", 329_476, 306_782)]
)
def test_collision_training_sets_have_the_replayed_counts(
    level: Level, tried: int, kept: int
) -> None:
    rows = training_set("collision", level=level, values="random").rows
    assert len(rows) == tried
    assert int(replay("collision", rows=rows).kept.sum()) == kept


@pytest.mark.slow
def test_three_million_collisions_have_the_replayed_count() -> None:
    rows = training_set("collision", level="3M", values="random").rows
    assert (len(rows), int(replay("collision", rows=rows).kept.sum())) == (3_407_716, 3_187_370)


@pytest.mark.parametrize(
    ("level", "count", "speeds", "radii"),
    [
        ("30K", 30_000, (1.0152, 3.9702), (0.7101, 1.3934)),
        ("300K", 300_000, (1.014, 3.9992), (0.7045, 1.3986)),
    ],
)
def test_the_published_uniform_lists_end_where_the_files_end(
    level: Level, count: int, speeds: tuple[float, float], radii: tuple[float, float]
) -> None:
    rows = training_set("uniform", level=level, values="random").rows
    assert len(rows) == count
    assert (rows[:, 1].min(), rows[:, 1].max()) == pytest.approx(speeds, abs=6e-4)
    assert (rows[:, 0].min(), rows[:, 0].max()) == pytest.approx(radii, abs=1e-4)


def test_the_grid_version_ends_at_the_ranges() -> None:
    rows = training_set("parabola", level="30K", values="grid").rows
    assert [rows.min(0).tolist(), rows.max(0).tolist()] == [[0.7, 1.0], [1.4, 4.0]]
    with pytest.raises(UserError, match="grid in both"):
        PaperSet(law="collision", values="grid")


def test_the_replay_uses_the_legacy_generators_numbers() -> None:
    """x and y of the first balls by hand from NumPy's own MT19937."""
    rows = np.array([[1.0, 2.0], [2.0, 6.0]])
    rng = np.random.RandomState(SEED)
    x0 = 1.0 + rng.rand() * (10 - (24 * 2.0 * 0.1 + 1.0) - 1.0)
    y0 = 1.5 + rng.rand() * (8.5 - 1.5)
    rightmost = 2.0 + rng.rand() * 0.5  # no room for 24 frames
    x1 = 2.0 + rng.rand() * (rightmost - 2.0)
    starts = replay("uniform", rows=rows)
    assert starts.x_m[:, 0].tolist() == pytest.approx([x0, x1], abs=1e-12)
    assert float(starts.y_m[0]) == pytest.approx(y0, abs=1e-12)


def test_the_repeated_seed_trap_is_there_in_paper_mode_alone() -> None:
    rows = np.tile(training_set("uniform", level="30K", values="random").rows[:1], (2 * CHUNK, 1))
    starts = replay("uniform", rows=rows)
    assert np.array_equal(starts.x_m[:CHUNK], starts.x_m[CHUNK:])
    assert len(np.unique(starts.x_m)) == CHUNK


@pytest.mark.parametrize("law", ["uniform", "parabola", "collision"])
def test_no_evaluation_scene_is_a_training_scene(law: Motion) -> None:
    training, test = (replace(paper_data(law, part=part), frames=1) for part in ("30K", "eval"))
    trained = known([simulate(training, indices=np.arange(training.videos))])
    tested = simulate(test, indices=np.arange(test.videos))
    assert not trained.holds(first_states(tested)).any()


def test_collisions_start_in_view_and_meet_after_eight_frames() -> None:
    data = paper_data("collision", part="eval")
    videos = simulate(data, indices=np.arange(data.videos))
    start, radius = videos.state[:, 0, :, 0], videos.body[:, :, RADIUS]
    assert (start[:, 0] >= radius[:, 0] - 1e-5).all()
    assert (start[:, 1] <= WORLD_M - radius[:, 1] + 1e-5).all()
    met = videos.contact_s[np.isfinite(videos.contact_s)]
    assert met.min() >= 0.8 - 1e-5


def test_a_list_is_finite_and_its_rows_have_no_chance() -> None:
    scenario = PaperSet(law="parabola")
    with pytest.raises(UserError, match="list of 1056 scenes"):
        DataSpec(scenario=scenario, videos=1057)
    one, other = (
        simulate(DataSpec(scenario=scenario, videos=9, seed=seed), indices=np.array([8]))
        for seed in (0, 1)
    )
    assert np.array_equal(one.state, other.state)
