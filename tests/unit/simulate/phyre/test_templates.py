"""The combinatorial data set on paper: the 70 templates, their recipes and trials. No simulator
runs here."""

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M
from physscale.simulate.phyre.parts import MOST_PARTS, Setting
from physscale.simulate.phyre.place import WALL, placed
from physscale.simulate.phyre.recipes import setting
from physscale.simulate.phyre.red_ball import radius_range, red_ball, touches
from physscale.simulate.phyre.scenario import (
    EVALUATION,
    TRAINING,
    Phyre,
    in_template,
    out_of_template,
)
from physscale.simulate.phyre.templates import (
    OBJECTS,
    RED_BALL,
    RESERVED,
    SIX,
    SIXTY,
    TEMPLATES,
    THIRTY,
)

TABLE = """
1467 2346 0456 1346 1456 3567 0246 0136 1247 0237 0356 2367 2357 3456
2356 4567 1345 0234 3467 1234 1246 1347 0457 0235 0345 2345 1256 0267
0135 0124 0347 0256 0247 2467 0127 1267 1236 0134 0236 0147 1235 1457
3457 0257 0245 1245 0123 2347 0567 2456 2457 0145 2567 0467 1367 1567
1257 0146 0167 0157 0346 0125 0156 0126 1237 0357 0137 1357 1356 0367
""".split()  # noqa: SIM905
"""The fact sheet's table, read row by row: five columns of fourteen templates."""

cases = st.tuples(
    st.sampled_from(sorted(TEMPLATES)),
    st.integers(0, 99),
    st.integers(0, 999),
    st.sampled_from([128, 256, 512]),
)


def test_the_seventy_templates_are_the_papers() -> None:
    published = {
        10000 + row + 14 * column: TABLE[5 * row + column]
        for row in range(14)
        for column in range(5)
    }
    assert {
        template: "".join(map(str, slots)) for template, slots in TEMPLATES.items()
    } == published


def test_the_subsets_are_the_papers() -> None:
    pairs = {pair for template in SIX for pair in itertools.combinations(TEMPLATES[template], 2)}
    assert len(pairs) == math.comb(len(OBJECTS), 2) == 28
    halves = [{0, 1}, {2, 3}, {4, 5}, {6, 7}]
    assert {frozenset(TEMPLATES[template]) for template in SIX} == {
        frozenset(a | b) for a, b in itertools.combinations(halves, 2)
    }
    assert (
        tuple(template for template in TEMPLATES if re.fullmatch("100[0-5][02468]", str(template)))
        == THIRTY
    )
    assert (len(SIXTY), len(RESERVED)) == (60, 10)
    assert set(SIXTY) | set(RESERVED) == set(TEMPLATES)


def test_bodies_per_scene_are_distributed_as_in_the_compiled_scenes() -> None:
    """7,000 published scenes: 2013, 496, 939, 1056, 647, 737, 667, 215, 160, 70 of them with 4 to
    13 bodies."""
    published = np.array([2013, 496, 939, 1056, 647, 737, 667, 215, 160, 70])
    counts = [
        len(setting(template, number=number, size_px=256).parts)
        for template in TEMPLATES
        for number in range(30)
    ]
    found = np.bincount(counts, minlength=14)[4:]
    assert found.sum() == len(counts)
    expected = published / published.sum() * len(counts)
    assert ((found - expected) ** 2 / expected).sum() < 40, "chi-squared with 9 degrees of freedom"
    assert max(counts) == MOST_PARTS


@settings(max_examples=60)
@given(case=cases)
def test_the_red_ball_is_in_view_touches_nothing_and_has_a_size_the_rule_allows(
    case: tuple[int, int, int, int],
) -> None:
    template, number, trial, size_px = case
    chosen = setting(template, number=number, size_px=size_px)
    ball = red_ball(chosen, trial=trial)
    assert not any(touches(ball, body) for body in placed(chosen))
    assert ball.radius_px - 1 <= ball.x_px <= size_px - ball.radius_px
    assert ball.radius_px - 1 <= ball.y_px <= size_px - ball.radius_px
    low, high = radius_range(
        [body for body in placed(chosen) if body.kind != WALL], size_px=size_px
    )
    scale = 5 * (size_px // 8 - 2)
    assert low * scale + 1.5 <= ball.radius_px <= high * scale + 2.5
    assert 2 <= ball.radius_px <= size_px // 8


@settings(max_examples=60)
@given(case=cases)
def test_a_scene_is_the_same_in_fractions_at_every_size(case: tuple[int, int, int, int]) -> None:
    template, number, _, size_px = case
    small, large = (
        setting(template, number=number, size_px=size_px),
        setting(template, number=number, size_px=512),
    )
    assert [(part.kind, part.scale) for part in small.parts] == [
        (part.kind, part.scale) for part in large.parts
    ]
    for ours, other in zip(small.parts, large.parts, strict=True):
        for (move, value), (same, reference) in zip(ours.moves, other.moves, strict=True):
            assert move == same
            assert value == pytest.approx(
                reference if move == "angle" else reference * size_px / 512
            )


def test_scenes_and_trials_are_pure_functions_that_differ() -> None:
    def made(template: int, *, number: int, seed: int) -> Setting:
        setting.cache_clear()
        return setting(template, number=number, size_px=256, seed=seed)

    assert made(10003, number=4, seed=0) == made(10003, number=4, seed=0)
    first = made(10003, number=4, seed=0)
    others = [made(10003, number=5, seed=0), made(10003, number=4, seed=1)]
    assert all(other.parts != first.parts for other in others)
    balls = {red_ball(first, trial=trial) for trial in range(40)}
    assert len(balls) >= 38
    assert red_ball(first, trial=7) == red_ball(first, trial=7) != red_ball(first, trial=7, seed=1)


def test_every_prefix_is_balanced_and_no_row_comes_twice() -> None:
    data = Phyre(templates=SIX, scenes=(0, 5), trials=(0, 4), scene_px=256)
    listed = [data.case(index) for index in range(data.count)]
    assert data.count == len({(case.setting, case.ball) for case in listed}) == 6 * 5 * 4
    for stop in (6, 30, 60):
        found = np.unique([case.setting.template for case in listed[:stop]], return_counts=True)[1]
        assert (found == stop // 6).all()
    assert len({case.setting for case in listed[:30]}) == 30, "first one trial of every scene"


def test_evaluation_rows_are_not_training_rows() -> None:
    training = Phyre(templates=THIRTY)
    assert (training.count, in_template(training).count, out_of_template(training).count) == (
        30 * 100 * 990,
        30 * 100 * 10,
        1000,
    )
    assert set(range(*TRAINING)).isdisjoint(range(*EVALUATION))
    few = replace(training, templates=(10003,), scenes=(0, 2), trials=(0, 30), scene_px=256)
    seen, tested = (
        {few_.case(index).ball for index in range(few_.count)}
        for few_ in (few, replace(few, trials=EVALUATION))
    )
    assert seen.isdisjoint(tested)


def test_rows_have_fourteen_places_and_the_red_ball_in_the_last() -> None:
    for template in TEMPLATES:
        scene = Phyre(templates=(template,), scene_px=256).scene(0)
        kinds = [body.kind for body in scene.bodies]
        present = [body for body in scene.bodies if body.kind >= 0]
        assert len(kinds) == 14
        assert kinds[-1] == RED_BALL
        assert {body.kind for body in present} == {*TEMPLATES[template], RED_BALL}
        assert all((body.mass_kg == 0) == (body.kind in (2, 5)) for body in present)
        assert scene.gravity_m_s2 == pytest.approx(9.8 * 6 * WORLD_M / 256)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"templates": (10070,)}, "10070"),
        ({"templates": ()}, "at least one"),
        ({"trials": (990, 1001)}, "1001"),
        ({"scenes": (3, 3)}, r"scenes=\(3, 3\)"),
        ({"scene_px": 300}, "scene_px=300"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_values_are_named(fields: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match=named):
        Phyre(**fields)  # type: ignore[arg-type]


def test_a_reserved_template_cannot_be_trained_on_and_tested_out_of_template() -> None:
    with pytest.raises(UserError, match="10060 is reserved"):
        out_of_template(Phyre(templates=(10000, 10060)))
