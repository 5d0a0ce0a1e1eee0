"""Every scenario by the same test, and each one's own promise."""

import numpy as np
import pytest

from physscale.dataset.file import digest
from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, STATE, Videos
from physscale.simulate.describe import sentences
from physscale.simulate.named import named_data
from physscale.simulate.paper.partitions import PAPER_PARABOLA, collision_partitions, partitions
from physscale.simulate.paper.presets import PRESETS
from physscale.simulate.paper.sets import PaperSet
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.composition import KINDS, Composition, shifts
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.registry import scenario_named, scenario_names
from physscale.simulate.scenarios.still import StillBody, StillDiscs
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

ROWS = np.arange(200)
X, Y, VX, VY = (STATE.index(name) for name in ("x_m", "y_m", "vx_m_s", "vy_m_s"))
RADIUS = BODY.index("radius_m")


def rows(scenario: Scenario, *, frames: int = 16) -> Videos:
    return simulate(DataSpec(scenario=scenario, videos=len(ROWS), frames=frames), indices=ROWS)


def fully_in_view(videos: Videos) -> np.ndarray:
    radius = videos.body[:, None, :, RADIUS] - 1e-4
    x, y = videos.state[..., X], videos.state[..., Y]
    return (x >= radius) & (x <= WORLD_M - radius) & (y >= radius) & (y <= WORLD_M - radius)


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_draws_what_a_row_promises(name: str) -> None:
    scenario = scenario_named(name)
    videos = rows(scenario)
    assert set(videos.scenario) == {name}
    assert np.isfinite(videos.state).all()
    assert np.isfinite(videos.body).all()
    shown = fully_in_view(videos)[:, :3].all(1) | (videos.state[:, :, :, X] < -WORLD_M / 4).all(1)
    assert shown.all(), "the conditioning frames must show all of every body that is ever in view"
    assert len(np.unique(videos.state[:, 0, 0, X])) > 0.95 * len(ROWS), "rows repeat each other"
    assert np.abs(np.diff(videos.state[..., X], axis=1)).max() > 0.1, "nothing moves"
    assert Videos.from_arrow(videos.to_arrow()).state.tobytes() == videos.state.tobytes()


@pytest.mark.parametrize("name", PRESETS)
def test_every_named_set_draws_its_first_rows(name: str) -> None:
    """Finite, moving, in view when it matters, described in words, and back from Arrow as it
    went."""
    scenario = PRESETS[name]
    if isinstance(scenario, PaperSet) and scenario.part == "3M":
        pytest.skip("three million rows are listed by the slow test of test_paper_sets")
    count = min(24, scenario.count or 24)
    videos = simulate(named_data(name, videos=count, frames=32), indices=np.arange(count))
    assert np.isfinite(videos.state).all()
    if not name.endswith("_zero"):
        assert np.abs(np.diff(videos.state[..., :2], axis=1)).max() > 0.05, "nothing moves"
    gone = (videos.state[:, :, :, X] < -WORLD_M / 4).all(1)
    assert (fully_in_view(videos)[:, :3].all(1) | gone | wall(videos)).all(), (
        "the conditioning frames must show all of every body"
    )
    assert len(
        {row.tobytes() for row in np.concatenate([videos.state[:, 0], videos.body], -1)}
    ) == len(videos), "a row twice"
    assert all(text.endswith(".") for text in sentences(videos))
    assert digest(Videos.from_arrow(videos.to_arrow())) == digest(videos)
    assert scenario_named(name) is scenario


def wall(videos: Videos) -> np.ndarray:
    """Which bodies are walls: they may reach beyond the view."""
    return videos.body[:, :, BODY.index("mass_kg")] == 0


@pytest.mark.parametrize("name", scenario_names())
def test_every_still_corpus_is_still_and_wider_than_its_scenario(name: str) -> None:
    scenario = scenario_named(name)
    corpus, moving = rows(scenario.still(), frames=2), rows(scenario)
    assert np.array_equal(corpus.state[:, 0], corpus.state[:, 1])
    assert corpus.body.shape == moving.body.shape
    assert corpus.body[..., RADIUS].min() < moving.body[..., RADIUS].min()
    assert corpus.body[..., RADIUS].max() > moving.body[..., RADIUS].max()
    colours = [
        {tuple(row) for row in videos.body[:, :, 5:8].reshape(-1, 3).tolist()}
        for videos in (corpus, moving)
    ]
    assert colours[1] <= colours[0]
    assert not fully_in_view(corpus).all(), "the edges of the view are never shown"


def test_the_ranges_are_kept() -> None:
    scenario = UniformMotion(
        speed_m_s=((0.0, 0.8), (4.5, 6.0)), radius_m=((0.3, 0.6),), direction="both"
    )
    videos = rows(scenario)
    speed = videos.state[:, 0, 0, VX]
    assert (speed > 0).mean() == pytest.approx(0.5, abs=0.12)
    magnitude = np.abs(speed)
    assert ((magnitude <= 0.8) | (magnitude >= 4.5)).all()
    assert (magnitude > 4).mean() == pytest.approx(1.5 / 2.3, abs=0.12), (
        "intervals weigh by their length"
    )
    assert np.all((videos.body[..., RADIUS] >= 0.3) & (videos.body[..., RADIUS] <= 0.6))


@pytest.mark.parametrize("scenario", [UniformMotion(), Parabola()])
def test_a_trained_ball_stays_in_view_all_the_time(scenario: UniformMotion | Parabola) -> None:
    assert fully_in_view(rows(scenario)).all()


@pytest.mark.parametrize("name", collision_partitions(Collision()))
def test_every_collision_happens_after_the_conditioning_frames(name: str) -> None:
    videos = rows(collision_partitions(Collision())[name])
    assert fully_in_view(videos)[:, :3].all()
    assert (videos.contact_s > videos.time_s[:, 2]).all()
    assert (videos.contact_s <= 0.7 + 1e-6).all()


def test_a_composition_betrays_no_kind_before_its_moment() -> None:
    """Speed and place have one distribution for all kinds: the means of any two differ by less than
    their noise allows."""
    videos = simulate(DataSpec(scenario=Composition(), videos=1), indices=np.arange(3000))
    kind = videos.body[:, 0, BODY.index("kind")]
    for column in (X, VX):
        value = np.abs(videos.state[:, 2, 0, column] - (WORLD_M / 2 if column == X else 0))
        groups = [value[kind == each] for each in range(KINDS)]
        spread = max(group.std() / len(group) ** 0.5 for group in groups)
        assert np.ptp([group.mean() for group in groups]) < 6 * spread
    assert fully_in_view(videos).mean() > 0.98


def test_pairs_are_drawn_from_the_given_ones_alone_and_evenly() -> None:
    videos = rows(Composition(pairs=shifts(0, 1)))
    names, counts = np.unique(videos.template, return_counts=True)
    assert set(names) == {f"{i}-{(i + s) % KINDS}" for s in (0, 1) for i in range(KINDS)}
    assert counts.min() > 4


def test_shifts_partition_all_pairs() -> None:
    every = [pair for step in range(KINDS) for pair in shifts(step)]
    assert len(set(every)) == len(every) == KINDS**2
    assert set(shifts(0, 3)) == set(shifts(0)) | set(shifts(3))


def test_the_papers_throw_starts_and_stays_as_its_code_says() -> None:
    """y ~ U(8.5 - r, 9.5 - r); the horizontal way of 24 frames fits into the view where it can."""
    videos = rows(PAPER_PARABOLA, frames=32)
    top = videos.state[:, 0, 0, Y] + videos.body[:, 0, RADIUS]
    assert (top.min() >= 8.5, top.max() <= 9.5) == (True, True)
    radius, way = videos.body[:, 0, RADIUS], 2.4 * videos.state[:, 0, 0, VX]
    fits = way + 2 * radius <= WORLD_M
    assert (videos.state[fits, 24, 0, X] <= WORLD_M - radius[fits] + 1e-4).all()
    np.testing.assert_allclose(videos.state[~fits, 0, 0, X], radius[~fits], rtol=1e-6)
    np.testing.assert_allclose(
        videos.state[:, 0, 0, Y] - videos.state[:, 20, 0, Y], 0.5 * 2.5 * 4.0, rtol=1e-5
    )


def test_partitions_lie_where_their_names_say() -> None:
    sets = partitions(UniformMotion())
    assert len(sets) == len(set(sets.values())), "two names for one set"
    assert sets["id"] == UniformMotion()
    assert rows(sets["zero"]).state[..., VX].max() == 0
    assert np.abs(rows(sets["speed_high"]).state[..., VX]).min() >= 4.5
    assert rows(sets["radius_low"]).body[..., RADIUS].max() <= 0.6


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: UniformMotion(speed_m_s=()), "speed_m_s"),
        (lambda: UniformMotion(speed_m_s=((4.0, 1.0),)), "low <= high"),
        (lambda: UniformMotion(radius_m=((0.0, 1.0),)), "radius_m"),
        (lambda: Parabola(gravity_m_s2=-9.8), "gravity_m_s2"),
        (lambda: Collision(contact_s=(0.5, 0.2)), "contact_s"),
        (lambda: Composition(pairs=()), "pairs"),
        (lambda: Composition(pairs=((0, 6),)), "kinds 0 to 5"),
        (lambda: Composition(pairs=((0, 1), (0, 1))), "twice"),
        (lambda: DataSpec(scenario=UniformMotion(), videos=0), "videos=0"),
        (lambda: DataSpec(scenario=UniformMotion(), videos=1, split="../x"), "split"),
        (lambda: scenario_named("unifrom"), "composition"),
    ],
)
def test_a_wrong_value_is_named(make: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        make()  # type: ignore[operator]


def test_what_cannot_be_drawn_says_so() -> None:
    resting = Collision(left_speed_m_s=((0.0, 0.0),), right_speed_m_s=((0.0, 0.0),))
    crowded = StillDiscs(
        bodies=(
            StillBody(
                height_m=((5.0, 5.0),),
                radius_m=((4.0, 4.0),),
                x_m=((4.0, 6.0),),
                colours=((255, 0, 0),),
            ),
        )
        * 2
    )
    for scenario in (resting, crowded):
        with pytest.raises(UserError, match="1000 draws"):
            rows(scenario)
