"""The groups of the official evaluation, and on which side a video leaves the trained ranges."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from physscale.evaluate.motion.paper_partitions import groups, sides_of
from physscale.evaluate.motion.paper_protocol import law_of
from physscale.evaluate.motion.paper_scores import paper_scores
from physscale.records.video import BODY, Videos
from physscale.simulate.paper.grids import Motion
from physscale.simulate.paper.partitions import CODE_RADIUS_M, collision_partitions, partitions
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.paper_videos import LAWS, SMALL, rows, scored, value


@pytest.mark.parametrize("law", LAWS)
def test_the_groups_have_the_official_sizes(law: Motion) -> None:
    """872, 804 and 340 videos are counted, a ball at rest in a group of its own."""
    truth = rows(law)
    assert law_of(truth) == law
    assert (
        Counter(groups(truth))
        == {
            "uniform": {
                "id": 160,
                "radius": 136,
                "speed": 280,
                "both": 279,
                "zero": 17,
                "filtered": 280,
            },
            "parabola": {
                "id": 160,
                "radius": 132,
                "speed": 220,
                "both": 279,
                "zero": 13,
                "filtered": 252,
            },
            "collision": {
                "id": 115,
                "radius": 58,
                "speed": 111,
                "both": 2,
                "zero": 54,
                "filtered": 1295,
            },
        }[law]
    )


def test_small_balls_are_filtered_and_a_resting_one_is_out_of_distribution() -> None:
    truth = rows("uniform")
    group = groups(truth)
    rest, small = truth.take(group == "zero"), truth.take(group == "filtered").take(slice(0, 3))
    some = Videos.concat(
        [rest.take(slice(0, 2)), small, truth.take(group == "id").take(slice(0, 2))]
    )
    outcomes = scored(some, canvas=SMALL)
    counts = {
        score.group: score.count
        for score in paper_scores(outcomes)
        if score.metric == "velocity_error"
    }
    assert counts == {"id": 2, "ood": 2, "radius": 0, "speed": 0, "both": 0, "zero": 2}
    assert value(outcomes, metric="velocity_error", group="zero") == pytest.approx(0, abs=1e-6)
    assert value(outcomes, metric="velocity_error", group="radius") is None


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "zero",
        "radius_low",
        "radius_high",
        "speed_low",
        "both_high",
        "cross_fast_small",
        "cross_slow_large",
    ],
)
def test_a_row_tells_on_which_side_it_left_the_trained_ranges(name: str) -> None:
    """As the scenario of that partition drew it; with radius and speed exchanged for another
    partition's, not so."""
    videos = simulate(
        DataSpec(scenario=partitions(UniformMotion())[name], videos=6), indices=np.arange(6)
    )
    assert set(sides_of(videos)) == {name}
    body = videos.body.copy()
    body[:, :, BODY.index("radius_m")] = 0.5 if name != "cross_fast_small" else 1.0
    assert name not in set(sides_of(replace(videos, body=body))) or name in ("radius_low", "zero")


@pytest.mark.parametrize(
    "name", ["id", "radius_high", "speed_low", "both_low", "cross_radius", "cross_speed"]
)
def test_the_same_of_two_balls(name: str) -> None:
    videos = simulate(
        DataSpec(
            scenario=collision_partitions(Collision(), radius_m=CODE_RADIUS_M)[name], videos=6
        ),
        indices=np.arange(6),
    )
    assert set(sides_of(videos)) == {name}
