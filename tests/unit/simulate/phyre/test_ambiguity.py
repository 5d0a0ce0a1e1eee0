"""The authors' four lists of falls that end one way or the other by less than a pixel: their
counts, places and outcomes."""

import functools

import numpy as np
import pytest

from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, COLOUR, Videos
from physscale.simulate.named import named_data
from physscale.simulate.phyre.ambiguity import PhyreAmbiguity
from physscale.simulate.phyre.place import placed
from physscale.simulate.phyre.red_ball import touches
from physscale.simulate.simulate import simulate

PX = WORLD_M / 512
RED, SIZE = -1, BODY.index("radius_m")


@functools.cache
def rows(name: str) -> Videos:
    data = named_data(f"phyre_ambiguous_{name}", videos=None)
    return simulate(data, indices=np.arange(data.videos))


@pytest.mark.parametrize(
    ("name", "count", "fixed"),
    [("radius", 101, 2), ("place", 101, 1), ("gap", 100, 2), ("offset", 100, 1)],
)
def test_each_list_has_its_count_and_its_bodies(name: str, count: int, fixed: int) -> None:
    videos = rows(name)
    assert len(videos) == count
    assert videos.time_s.shape[1] == 32
    there = videos.body[0, :, BODY.index("kind")] >= 0
    assert there.sum() == 2 + fixed + 1, "floor, ball at rest, fixed balls, red ball"
    assert videos.body[0, :2, COLOUR].tolist() == [[75, 74, 164], [107, 206, 187]], "the goal's"
    assert (videos.body[0, 2 : 2 + fixed, COLOUR] == 0).all()
    assert (videos.body[0, 2 : 2 + fixed, BODY.index("mass_kg")] == 0).all()
    np.testing.assert_allclose(videos.state[:, 0, 2 : 2 + fixed, 1], 0.3 * WORLD_M, atol=2 * PX)


def test_what_is_swept_is_swept() -> None:
    radius, place, gap, offset = (rows(name) for name in ("radius", "place", "gap", "offset"))
    assert np.unique((radius.body[:, RED, SIZE] / PX).round()).tolist() == [14, 15, 16, 17, 18], (
        "whole pixels, as PHYRE snaps them"
    )
    assert np.unique((place.state[:, 0, RED, 0] / PX).round()).tolist() == list(range(199, 210))
    width = gap.state[:, 0, 3, 0] - gap.state[:, 0, 2, 0]
    np.testing.assert_allclose(width, (0.08 + 0.001 * np.arange(100)) * WORLD_M, atol=1e-4)
    np.testing.assert_allclose(
        offset.state[:, 0, 2, 0], (0.4 + 0.0001 * (np.arange(100) - 50)) * WORLD_M, atol=1e-4
    )
    for videos in (gap, offset):
        assert len(np.unique(videos.state[:, 0, RED], axis=0)) == 1


def test_a_hair_decides_where_the_ball_ends() -> None:
    """It falls through a wide gap and stays on a narrower one; it leaves a fixed ball on the side
    where its centre is."""
    gap = rows("gap")
    through = gap.state[:, -1, RED, 1] < 2.0
    assert not through[35:60].any()
    assert through[80:].mean() > 0.9
    x = rows("offset").state[..., 0]
    left = x[:, 0, RED] < x[:, 0, 2]
    assert 0.5 < left.mean() < 0.8, "the snapped ball starts a little to the left of most"
    assert ((x[:, 12, RED] < x[:, 12, 2]) == left).mean() > 0.95


@pytest.mark.parametrize("template", [20000, 20001, 20002, 20003])
def test_no_red_ball_starts_upon_a_body(template: int) -> None:
    scenario = PhyreAmbiguity(templates=(template,))
    for index in (0, scenario.count - 1):
        case = scenario.case(index)
        assert not any(touches(case.ball, body) for body in placed(case.setting))


def test_another_template_is_none_of_these() -> None:
    with pytest.raises(UserError, match="20000, 20001, 20002, 20003"):
        PhyreAmbiguity(templates=(10000,))
