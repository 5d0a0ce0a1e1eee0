"""What every scenario answers is true: one test per answer, over all that are registered."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.evaluate.abnormal.rules import RULES, rules_of
from physscale.records.errors import UserError
from physscale.records.scene import Behaviour
from physscale.records.video import BODY, STATE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.batch import stack
from physscale.simulate.engines.registry import ENGINES
from physscale.simulate.named import named_data
from physscale.simulate.phyre.sets import PHYRE_SETS
from physscale.simulate.scenarios.registry import scenario_named, scenario_names
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import SCENARIOS, DataSpec, kind_of

NAMES = (
    *scenario_names(),
    "uniform_eval",
    "parabola_eval",
    "collision_eval",
    "paper_colour_size_eval",
    "paper_colour_shape_eval",
    "paper_hole_2_3_eval",
    "hole_l_shape_inside",
    "colour_shape_held",
    "ring_held",
    "temporal_held",
    "phyre_six",
    "phyre_ambiguous_gap",
)
ROWS = np.arange(12)
DISC_ENGINES = ("analytic", "pymunk", "box2d")
VX, VY, Y = (STATE.index(name) for name in ("vx_m_s", "vy_m_s", "y_m"))
MASS, BEHAVIOUR = BODY.index("mass_kg"), BODY.index("behaviour")


def rows(name: str, **changes: object) -> Videos:
    data = replace(named_data(name, videos=len(ROWS)), frames=8, **changes)  # type: ignore[arg-type]
    return simulate(data, indices=ROWS)


def test_every_kind_is_among_the_names() -> None:
    kinds = {type(scenario_named(name)) for name in NAMES}
    assert {kind for kind in SCENARIOS.entries().values() if kind.name != "still"} == kinds


@pytest.mark.parametrize("name", NAMES)
def test_the_detector_knows_its_physics_or_refuses_it(name: str) -> None:
    scenario = scenario_named(name)
    assert kind_of(scenario.name) is type(scenario)
    videos = rows(name)
    shown = videos.with_pixels(render(videos, canvas=Canvas(size_px=32)))
    if (
        scenario.physics in RULES.entries()
        and RULES.named(scenario.physics).uncovered(shown) is None
    ):
        assert rules_of(shown).physics == scenario.physics
    else:
        with pytest.raises(UserError, match=r"^detector: scenario '\w+' has [^\n]+$"):
            rules_of(shown)


@pytest.mark.parametrize("name", NAMES)
def test_the_engines_it_lists_move_it_and_the_others_refuse(name: str) -> None:
    """Those listed agree with each other to a hit's step of Box2D; each of the others says in one
    line what it cannot move."""
    scenario = scenario_named(name)
    if scenario.physics == "phyre":
        assert scenario.engines == ("box2d", "phyre"), "PHYRE's parity has tests of its own"
        return
    closed = rows(name, engine="analytic").state
    for engine in scenario.engines:
        apart = np.abs(rows(name, engine=engine).state - closed)[..., :2].max()
        assert apart < (0.25 if engine == "box2d" else 1e-5), engine
    key = np.random.Generator(np.random.Philox(key=1))
    batch = stack([scenario.draw(key) for _ in range(40)])
    for engine in set(DISC_ENGINES) - set(scenario.engines):
        with pytest.raises(UserError, match=f"engine '{engine}': scenario .* runs on"):
            rows(name, engine=engine)
        with pytest.raises(UserError, match=f"^engine {engine}: [^\n]+$"):
            ENGINES.named(engine).run(batch, time_s=np.arange(8) * 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_free_bodies_keep_their_energy(name: str) -> None:
    """½ m v² + m g y of all bodies together, before, in and after a hit; a behaviour is a force."""
    if scenario_named(name).physics == "phyre":
        pytest.skip("contacts with friction do not keep it")
    videos = rows(name, engine="analytic")
    mass, state = videos.body[:, None, :, MASS].astype(float), videos.state.astype(float)
    if (videos.body[..., BEHAVIOUR] != Behaviour.FREE).any():
        pytest.skip("behaviours are forces")
    gravity = -np.median(np.diff(state[..., VY], axis=1) / np.diff(videos.time_s)[:, :, None])
    single = 0.5 * (state[..., VX] ** 2 + state[..., VY] ** 2) + gravity * state[..., Y]
    energy = (mass * single).sum(-1)
    np.testing.assert_allclose(energy, energy[:, :1].repeat(8, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_its_combinations_are_the_templates_it_draws(name: str) -> None:
    scenario = scenario_named(name)
    if not scenario.coverage:
        with pytest.raises(UserError, match=f"scenario '{scenario.name}' has no combinations"):
            scenario.covering(((0, 0),))
        return
    one = scenario.covering(scenario.coverage[:1])
    assert one.coverage == scenario.coverage[:1]
    count = min(len(ROWS), one.count or len(ROWS))
    drawn = one.drawn(range(count), generator=lambda _: np.random.default_rng(0))
    assert len({scene.template for scene in drawn}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_its_baselines_are_possible(name: str) -> None:
    """Trained speeds are those of its own rows, and only where no body is ever touched."""
    scenario, videos = scenario_named(name), rows(name)
    trained = scenario.baselines.trained_speed_m_s
    if trained is not None:
        assert np.isnan(videos.contact_s).all()
        speed = np.hypot(videos.state[:, 0, :, VX], videos.state[:, 0, :, VY])
        inside = [(low - 1e-4 <= speed) & (speed <= high + 1e-4) for low, high in trained]
        assert np.any(inside, axis=0).all()
    falls = np.abs(np.diff(videos.state[:, :2, 0, VY], axis=1)).min() > 0.01
    if scenario.tracked:
        assert (scenario.baselines.polynomial_order == 2) == bool(falls)


@pytest.mark.parametrize("name", [*NAMES, *PHYRE_SETS])
def test_its_clock_and_length_are_what_its_name_means(name: str) -> None:
    scenario, data = scenario_named(name), named_data(name)
    assert (data.clock, data.engine) == (scenario.clock, scenario.engines[0])
    assert data.videos == scenario.default_videos
    assert scenario.count is None or data.videos <= scenario.count


def test_an_engine_that_a_scenario_does_not_list_is_one_line() -> None:
    with pytest.raises(UserError, match="engine 'warp': scenario 'uniform' runs on analytic, "):
        DataSpec(scenario=scenario_named("uniform"), videos=1, engine="warp")
