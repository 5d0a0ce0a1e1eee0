"""Attribute conflicts: each planted outcome is found, in every pair, and none where nothing was
crossed."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.evaluate.mechanisms.conflict import OUTCOME_NAMES, Conflict, conflict
from physscale.evaluate.mechanisms.ranking import rank
from physscale.records.errors import UserError
from physscale.records.scene import Shape
from physscale.records.video import BODY, STATE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.paper.presets import ATTRIBUTE_PAIRS
from physscale.simulate.scenario import Attribute, Scenario
from physscale.simulate.scenarios.attributes import HELD, Attributes
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

GIVEN, VIDEOS = 3, 24
CANVAS = Canvas(size_px=32)
Pair = tuple[Attribute, Attribute]


def rows(scenario: Scenario, *, count: int = VIDEOS) -> Videos:
    return simulate(DataSpec(scenario=scenario, videos=count), indices=np.arange(count))


def crossed(pair: Pair) -> tuple[Videos, Videos]:
    """Trained and crossed rows."""
    seen = Attributes(pair=pair, steps="binary")
    return rows(seen, count=200), rows(replace(seen, combinations=HELD))


def followed(truth: Videos, *, moved: tuple[Attribute, ...]) -> np.ndarray:
    """Frames in which these attributes went to their other value after the given frames."""
    body, state = truth.body.copy(), truth.state.copy()
    radius, second = BODY.index("radius_m"), BODY.index("half_height_m")
    if "size" in moved:
        body[:, 0, radius] = np.where(body[:, 0, radius] < 1.0, 1.4, 0.7)
        body[:, 0, second] = np.where(body[:, 0, second] > 0, body[:, 0, radius], 0)
    if "colour" in moved:
        red = body[:, 0, BODY.index("red")].copy()
        body[:, 0, BODY.index("red")], body[:, 0, BODY.index("blue")] = 255 - red, red
    if "shape" in moved:
        box = body[:, 0, BODY.index("shape")] == Shape.BOX
        body[:, 0, BODY.index("shape")] = np.where(box, Shape.DISC, Shape.BOX)
        body[:, 0, second] = np.where(box, 0.0, body[:, 0, radius])
    if "velocity" in moved:
        speed = state[:, :1, :, STATE.index("vx_m_s")]
        since = np.maximum(truth.time_s - truth.time_s[:, GIVEN - 1 : GIVEN], 0)[:, :, None]
        state[..., 0] += since * (np.where(speed < 2.5, 4.0, 1.0) - speed)
    frames = render(truth, canvas=CANVAS)
    frames[:, GIVEN:] = render(replace(truth, body=body, state=state), canvas=CANVAS)[:, GIVEN:]
    return frames


def outcome_of(pair: Pair, *, moved: tuple[Attribute, ...]) -> Conflict:
    training, truth = crossed(pair)
    frames = np.array_split(followed(truth, moved=moved), 3)
    return conflict(truth, frames, training=training, pair=pair, condition_frames=GIVEN)


@pytest.mark.parametrize("pair", ATTRIBUTE_PAIRS, ids="_".join)
def test_every_planted_outcome_is_found(pair: Pair) -> None:
    planted = {"first": (pair[1],), "second": (pair[0],), "kept": (), "swapped": pair}
    for outcome, moved in planted.items():
        found = outcome_of(pair, moved=moved)
        assert len(found.outcome) == VIDEOS
        assert (found.outcome == outcome).mean() > 0.95, (
            f"{outcome}: {np.unique(found.outcome, return_counts=True)}"
        )
        for name, share in zip(pair, (found.first_moved, found.second_moved), strict=True):
            np.testing.assert_allclose(np.median(share), float(name in moved), atol=0.1)


def test_a_body_that_is_gone_has_lost_and_won_nothing() -> None:
    training, truth = crossed(("colour", "size"))
    frames = render(truth, canvas=CANVAS)
    frames[:, GIVEN:] = 255
    found = conflict(
        truth, [frames], training=training, pair=("colour", "size"), condition_frames=GIVEN
    )
    assert found.rates["lost"].value == 1.0
    assert (found.duel.first_wins, found.duel.second_wins) == (0, 0)


def test_a_third_of_the_way_is_no_win() -> None:
    training, truth = crossed(("colour", "size"))
    body = truth.body.copy()
    size = body[:, 0, BODY.index("radius_m")]
    body[:, 0, BODY.index("radius_m")] = size + (2.1 - 2 * size) / 3
    frames = render(replace(truth, body=body), canvas=CANVAS)
    found = conflict(
        truth, [frames], training=training, pair=("colour", "size"), condition_frames=GIVEN
    )
    assert found.rates["kept"].value == 1.0
    np.testing.assert_allclose(found.second_moved, 1 / 3, atol=0.03)


def test_graded_bodies_at_the_border_are_no_conflict() -> None:
    """A blue ball of 1.0 m has a precedent at 1.05 m: nothing to decide."""
    seen = Attributes(pair=("colour", "size"))
    truth = rows(replace(seen, combinations=HELD), count=60)
    found = conflict(
        truth,
        [render(truth, canvas=CANVAS)],
        training=rows(seen, count=400),
        pair=("colour", "size"),
        condition_frames=GIVEN,
    )
    assert 20 < len(found.outcome) < 55
    assert found.rates["kept"].value == 1.0


def test_trained_combinations_are_no_conflict_and_pairs_of_balls_are_refused() -> None:
    seen = rows(Attributes(pair=("colour", "size"), steps="binary"), count=50)
    with pytest.raises(UserError, match="crosses colour and size"):
        conflict(
            seen,
            [render(seen, canvas=CANVAS)],
            training=seen,
            pair=("colour", "size"),
            condition_frames=GIVEN,
        )
    two = rows(Collision())
    with pytest.raises(UserError, match="of one body"):
        conflict(
            two,
            [render(two, canvas=CANVAS)],
            training=two,
            pair=("size", "velocity"),
            condition_frames=GIVEN,
        )


def test_rates_add_up_and_duels_rank() -> None:
    wins = [
        outcome_of(pair, moved=(pair[1],)) for pair in (("colour", "size"), ("colour", "velocity"))
    ]
    wins.append(outcome_of(("velocity", "size"), moved=("velocity",)))
    assert all(
        sum(found.rates[name].value for name in OUTCOME_NAMES) == pytest.approx(1.0)
        for found in wins
    )
    order = rank([found.duel for found in wins])
    assert (order.verdict, order.order) == ("order", ("colour", "size", "velocity"))
