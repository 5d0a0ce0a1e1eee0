"""Walls: the contact-to-contact closed form against laws, against mirror images and against pymunk;
the composition scenes' promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.errors import UserError
from physscale.records.scene import Body, Scene, Shape
from physscale.records.video import STATE, Videos
from physscale.simulate.batch import Batch, stack
from physscale.simulate.engines import analytic, pymunk
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.gap import AmbiguousGap
from physscale.simulate.scenarios.wall import FACE_M, WALL, SpatialComposition, TemporalComposition
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec, row_generator, row_key

TIME_S = np.arange(32) * 0.1
X, VX = STATE.index("x_m"), STATE.index("vx_m_s")
BOX = Body(x_m=5.0, y_m=5.0, radius_m=1.0, half_height_m=0.6, mass_kg=0.0, shape=Shape.BOX)


def rows(scenario: Scenario, *, count: int = 60, frames: int = 16) -> Videos:
    return simulate(
        DataSpec(scenario=scenario, videos=count, frames=frames), indices=np.arange(count)
    )


def scenes(scenario: Scenario, *, count: int) -> Batch:
    key = row_key(DataSpec(scenario=scenario, videos=count))
    return stack([scenario.draw(row_generator(key, index=index)) for index in range(count)])


def test_a_ball_comes_back_from_a_wall_by_hand() -> None:
    ball = Body(x_m=7.0, y_m=5.0, vx_m_s=3.0, radius_m=1.0)
    trace = analytic.run(stack([Scene(bodies=(ball, WALL))]), time_s=np.array([0.0, 0.4, 1.0]))
    assert trace.contact_s[0] == pytest.approx(0.5)
    assert trace.state[0, :, 0, X].tolist() == pytest.approx([7.0, 8.2, 8.5 - 1.5])
    assert trace.state[0, :, 0, VX].tolist() == pytest.approx([3.0, 3.0, -3.0])


@settings(max_examples=60)
@given(
    angle=st.floats(0, 6.28),
    offset=st.floats(-1.4, 1.4),
    speed=st.floats(1.0, 5.0),
    radius=st.floats(0.2, 0.8),
)
def test_a_fixed_box_keeps_energy_and_is_never_entered(
    angle: float, offset: float, speed: float, radius: float
) -> None:
    """A disc thrown at a box from anywhere: faces and corners."""
    along, across = (
        np.array([np.cos(angle), np.sin(angle)]),
        np.array([-np.sin(angle), np.cos(angle)]),
    )
    x, y = (np.array([5.0, 5.0]) - 3.5 * along + offset * across).tolist()
    ball = Body(
        x_m=x,
        y_m=y,
        vx_m_s=speed * float(along[0]),
        vy_m_s=speed * float(along[1]),
        radius_m=radius,
    )
    batch = stack([Scene(bodies=(ball, BOX))])
    referee = analytic.run(batch, time_s=TIME_S)
    velocity = referee.state[0, :, 0, 3:5]
    np.testing.assert_allclose((velocity**2).sum(1), speed**2, rtol=1e-12)
    near = np.abs(referee.state[0, :, 0, :2] - 5.0) - [1.0, 0.6]
    assert np.hypot(*np.maximum(near, 0).T).min() >= radius - 1e-9
    assert np.isnan(referee.contact_s[0]) == bool((velocity == velocity[0]).all())


@pytest.mark.parametrize(
    "scenario",
    [
        SpatialComposition(moving=("ball",)),
        TemporalComposition(),
        TemporalComposition(parts=("both",)),
    ],
    ids=["spatial", "temporal_seen", "temporal_held"],
)
def test_pymunk_meets_the_closed_form_among_walls(scenario: Scenario) -> None:
    batch = scenes(scenario, count=30)
    if isinstance(scenario, SpatialComposition):
        keep = [0, 2]  # without the square, which pymunk does not claim
        batch = Batch(
            body=batch.body[:, keep], start=batch.start[:, keep], gravity_m_s2=batch.gravity_m_s2
        )
    referee, engine = analytic.run(batch, time_s=TIME_S), pymunk.run(batch, time_s=TIME_S)
    assert np.abs(engine.state[..., :2] - referee.state[..., :2]).max() * 12.8 <= 2e-6
    np.testing.assert_allclose(engine.contact_s, referee.contact_s, atol=1e-8)


def test_a_line_of_balls_between_walls_keeps_energy_and_order() -> None:
    """Many contacts in one scene: three balls of different mass in a box, ten seconds."""
    balls = tuple(
        Body(x_m=x, y_m=5.0, vx_m_s=v, radius_m=r, mass_kg=r**2)
        for x, v, r in ((2.0, 3.0, 0.4), (4.5, -1.0, 0.6), (7.0, -2.0, 0.8))
    )
    left = Body(x_m=0.25, y_m=5.0, radius_m=0.25, half_height_m=5.0, mass_kg=0.0, shape=Shape.BOX)
    batch = stack([Scene(bodies=(*balls, left, WALL))])
    state = analytic.run(batch, time_s=np.linspace(0, 10, 101)).state[0, :, :3]
    mass = batch.constant("mass_kg")[0, :3]
    energy = (mass * state[..., VX] ** 2).sum(1)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-12)
    gaps = np.diff(state[..., X], axis=1) - [1.0, 1.4]
    assert gaps.min() >= -1e-9
    assert (np.diff(np.sign(state[:, 1, VX])) != 0).sum() > 5


def test_walls_with_gravity_are_not_claimed() -> None:
    ball = Body(x_m=2.0, y_m=5.0, radius_m=0.5)
    with pytest.raises(UserError, match="without gravity"):
        analytic.run(stack([Scene(bodies=(ball, WALL), gravity_m_s2=5.0)]), time_s=TIME_S)
    square = Body(x_m=2.0, y_m=5.0, radius_m=0.5, half_height_m=0.5, shape=Shape.BOX)
    with pytest.raises(UserError, match="engine=analytic"):
        pymunk.run(stack([Scene(bodies=(square, WALL))]), time_s=TIME_S)
    with pytest.raises(UserError, match="several walls"):
        pymunk.run(scenes(AmbiguousGap(), count=1), time_s=TIME_S)


def test_space_trains_on_one_mover_and_tests_on_two() -> None:
    seen, held = rows(SpatialComposition()), rows(SpatialComposition(moving=("both",)))
    moves = np.abs(seen.state[:, 0, :2, VX]) > 0
    assert (moves.sum(1) == 1).all()
    assert set(seen.template) == {"square", "ball"}
    assert (np.abs(held.state[:, 0, :2, VX]) > 0).all()
    bounced = held.state[:, -1, 0, VX] < 0
    assert bounced.all()
    assert (held.state[:, :, 1, X] + held.body[:, None, 1, 1] <= FACE_M + 1e-4).all(), (
        "the square stays off the wall"
    )


def test_time_trains_on_parts_and_tests_on_their_sequence() -> None:
    seen, held = rows(TemporalComposition()), rows(TemporalComposition(parts=("both",)))
    collision, bounce = seen.template == "collision", seen.template == "bounce"
    assert (collision | bounce).all()
    red = seen.state[..., 0, :]
    assert (red[collision][:, :, X] + seen.body[collision, 0, 1][:, None] < FACE_M + 1e-6).all()
    turns = np.diff(np.sign(red[..., VX]), axis=1)
    assert (turns[bounce] < 0).any(1).all(), "right, then left"
    assert not ((turns[collision] < 0).any(1)).any()
    held_turns = np.diff(np.sign(held.state[:, :, 0, VX]), axis=1)
    assert ((held_turns > 0).any(1) & (held_turns < 0).any(1)).all(), (
        "hit to the right, thrown back by the wall"
    )


def test_a_gap_lets_through_what_is_narrower_and_nothing_else() -> None:
    videos = rows(AmbiguousGap(), count=200, frames=20)
    passed = videos.state[:, -1, 0, VX] > 0
    assert (passed == (videos.template == "pass")).all()
    assert passed.mean() == pytest.approx(0.5, abs=0.12)
    np.testing.assert_allclose(
        np.abs(videos.state[:, -1, 0, VX]), videos.state[:, 0, 0, VX], rtol=1e-6
    )
    assert np.isnan(videos.contact_s[passed]).all()
