"""Box2D with the paper's settings keeps the laws within the errors that its fixed step explains,
and refuses what it would bend."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.records.errors import UserError
from physscale.records.scene import Behaviour, Body, Scene
from physscale.records.spec import canonical, fingerprint
from physscale.simulate.batch import Batch, stack
from physscale.simulate.engines import analytic, box2d
from physscale.simulate.engines.analytic import VX, VY
from physscale.simulate.paper.partitions import PAPER_PARABOLA, RADIUS_M, SPEED_M_S
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec, row_generator, row_key
from tests.paper_videos import paper_data

PAPER_TIME_S = 0.01 + 0.1 * np.arange(32)
CLAIMS: dict[str, Scenario] = {
    "uniform": UniformMotion(),
    "uniform_ood": UniformMotion(speed_m_s=SPEED_M_S["ood"], radius_m=RADIUS_M["ood"]),
    "parabola": Parabola(),
    "parabola_paper": PAPER_PARABOLA,
    "collision": Collision(),
}


def scenes(scenario: Scenario, *, count: int) -> Batch:
    key = row_key(DataSpec(scenario=scenario, videos=count))
    return stack([scenario.draw(row_generator(key, index=index)) for index in range(count)])


def tolerance_m(batch: Batch, *, time_s: np.ndarray) -> np.ndarray:
    """How far from the closed form a position may be: h|Δv| of a hit, ght/2 of gravity, twice
    Box2D's linear slop (how far two discs may sink into each other) and rounding."""
    speed = np.hypot(batch.start[..., VX], batch.start[..., VY]).sum(1)
    return box2d.STEP_S * (2 * speed + batch.gravity_m_s2 * time_s[-1] / 2) + 0.01


@pytest.mark.parametrize("name", CLAIMS)
def test_box2d_stays_within_the_error_of_its_step(name: str) -> None:
    batch = scenes(CLAIMS[name], count=40)
    referee, engine = (
        analytic.run(batch, time_s=PAPER_TIME_S),
        box2d.run(batch, time_s=PAPER_TIME_S),
    )
    error = np.linalg.norm(engine.state[..., :2] - referee.state[..., :2], axis=-1).max((1, 2))
    assert (error <= tolerance_m(batch, time_s=PAPER_TIME_S)).all()
    np.testing.assert_array_equal(np.isnan(engine.contact_s), np.isnan(referee.contact_s))
    np.testing.assert_allclose(engine.contact_s, referee.contact_s, atol=2 * box2d.STEP_S)


def test_it_falls_too_far_by_just_one_step_kicked_first() -> None:
    ball = Body(x_m=1.0, y_m=9.0, vx_m_s=2.0, radius_m=0.5)
    batch = stack([Scene(bodies=(ball,), gravity_m_s2=2.5)])
    referee, engine = (
        analytic.run(batch, time_s=PAPER_TIME_S),
        box2d.run(batch, time_s=PAPER_TIME_S),
    )
    too_far = referee.state[0, :, 0, 1] - engine.state[0, :, 0, 1]
    np.testing.assert_allclose(too_far, 2.5 * box2d.STEP_S * PAPER_TIME_S / 2, atol=1e-4)


def test_a_head_on_hit_keeps_momentum_and_energy() -> None:
    batch = scenes(Collision(), count=40)
    velocity = box2d.run(batch, time_s=PAPER_TIME_S).state[..., 3:5]
    mass = batch.constant("mass_kg")[:, None, :, None]
    momentum, energy = (mass * velocity).sum(2), 0.5 * (mass * velocity**2).sum((2, 3))
    np.testing.assert_allclose(
        momentum, np.broadcast_to(momentum[:, :1], momentum.shape), atol=1e-5
    )
    np.testing.assert_allclose(energy, np.broadcast_to(energy[:, :1], energy.shape), rtol=1e-5)


def test_the_papers_clock_starts_after_the_first_step() -> None:
    data = DataSpec(scenario=UniformMotion(), videos=3, frames=32, start_s=0.01, engine="box2d")
    ours, closed = (
        simulate(replace(data, engine=engine), indices=np.arange(3))
        for engine in ("box2d", "analytic")
    )
    assert ours.time_s[0, :2].tolist() == pytest.approx([0.01, 0.11])
    np.testing.assert_allclose(ours.state, closed.state, atol=2e-4)


def test_the_papers_own_sets_run_on_its_engine() -> None:
    for law in ("uniform", "parabola"):
        data = paper_data(law, part="eval")
        assert data.engine == "box2d"
        rows = simulate(data, indices=np.arange(0, data.videos, 25))
        closed = simulate(replace(data, engine="analytic"), indices=rows.index)
        fall_m = 2.5 * box2d.STEP_S * float(rows.time_s[0, -1]) / 2
        np.testing.assert_allclose(rows.state[..., :2], closed.state[..., :2], atol=fall_m + 1e-3)


def pair(left_m_s: float, right_m_s: float, *, apart_m: float = 0.5) -> Batch:
    left = Body(x_m=3.0, y_m=5.0, vx_m_s=left_m_s, radius_m=1.0)
    right = Body(x_m=5.0 + apart_m, y_m=5.0, vx_m_s=right_m_s, radius_m=1.0)
    return stack([Scene(bodies=(left, right))])


@pytest.mark.parametrize("speed", [0.4, 0.5, 0.05, 0.0051])
def test_a_slow_hit_is_elastic_as_in_the_authors_copy(
    monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    """The threshold is real: at the released package's own, the pair would stop."""
    apart_m = speed * PAPER_TIME_S[-1]
    batch = pair(speed, -speed, apart_m=apart_m)
    after = box2d.run(batch, time_s=PAPER_TIME_S)
    np.testing.assert_allclose(after.state[0, -1, :, 3], [-speed, speed], rtol=1e-4)
    assert after.contact_s[0] == pytest.approx(PAPER_TIME_S[-1] / 2, abs=0.02)
    monkeypatch.setattr(box2d, "AUTHORS_THRESHOLD_M_S", box2d.RELEASED_THRESHOLD_M_S)
    stopped = box2d.run(batch, time_s=PAPER_TIME_S).state[0, -1, :, 3]
    assert np.abs(stopped).max() < speed / 8


def test_below_the_authors_threshold_a_hit_is_inelastic() -> None:
    after = box2d.run(pair(0.004, -0.004, apart_m=0.01), time_s=PAPER_TIME_S)
    assert np.abs(after.state[0, -1, :, 3]).max() < 0.001


def test_the_faster_clock_moves_bodies_as_the_scenes_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Throws and hits above the threshold: the same motion within rounding."""
    ball = Body(x_m=1.0, y_m=9.0, vx_m_s=2.0, radius_m=0.5, omega_rad_s=0.3)
    for batch in (stack([Scene(bodies=(ball,), gravity_m_s2=2.5)]), pair(1.5, -1.0)):
        own = box2d.run(batch, time_s=PAPER_TIME_S)
        monkeypatch.setattr(box2d, "_slow_hits", lambda batch, until_s: np.ones(1, bool))
        faster = box2d.run(batch, time_s=PAPER_TIME_S)
        monkeypatch.undo()
        np.testing.assert_allclose(faster.state, own.state, atol=2e-4)


def test_a_slow_pair_that_does_not_meet_in_time_is_fine() -> None:
    trace = box2d.run(pair(0.05, -0.05), time_s=PAPER_TIME_S)
    assert np.isnan(trace.contact_s[0])


def test_what_it_does_not_claim_is_refused() -> None:
    ball = Body(x_m=3.0, y_m=5.0, vx_m_s=1.0, radius_m=1.0)
    for other in (
        replace(ball, behaviour=Behaviour.BRAKE),
        replace(ball, elasticity=0.5),
        replace(ball, mass_kg=0.0),
    ):
        with pytest.raises(UserError, match="free, elastic discs"):
            box2d.run(stack([Scene(bodies=(other,))]), time_s=PAPER_TIME_S)
    with pytest.raises(UserError, match=r"steps by 0\.01 s"):
        box2d.run(stack([Scene(bodies=(ball,))]), time_s=np.array([0.0, 0.015]))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"engine": "pymunk"}, "engine 'pymunk': scenario 'phyre' runs on box2d, phyre"),
        (
            {"engine": "box2d", "interval_s": 0.1, "start_s": 0.0},
            "start_s=0.0: PHYRE's first frame",
        ),
        (
            {"engine": "box2d", "interval_s": 0.11, "start_s": 1 / 60},
            "interval_s=0.11: PHYRE steps by 1/60 s",
        ),
    ],
)
def test_phyre_has_its_own_engines_and_clock(fields: dict[str, object], named: str) -> None:
    def rows() -> None:
        data = DataSpec(scenario=Phyre(scene_px=256), videos=1, **fields)  # type: ignore[arg-type]
        simulate(data, indices=np.arange(1))

    with pytest.raises(UserError, match=named):
        rows()


def test_the_laws_do_not_run_on_the_real_phyre() -> None:
    with pytest.raises(UserError, match="engine 'phyre': scenario 'uniform' runs on analytic, "):
        simulate(DataSpec(scenario=UniformMotion(), videos=1, engine="phyre"), indices=np.arange(1))


def test_new_engines_leave_old_fingerprints_alone() -> None:
    old = DataSpec(scenario=UniformMotion(), videos=3)
    assert '"engine":"analytic"' in canonical(old)
    assert "start_s" not in canonical(old)
    assert fingerprint(old) != fingerprint(replace(old, engine="box2d"))
