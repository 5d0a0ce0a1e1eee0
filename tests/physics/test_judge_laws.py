"""The automatic judge on the three laws: true videos pass, every kind of failure is seen, and it is the right rule that sees it."""

import numpy as np
import pytest

from physscale.evaluate.abnormal.altered import as_is, drawn
from physscale.evaluate.abnormal.laws import RULES
from physscale.evaluate.abnormal.verdict import judge
from physscale.records.errors import UserError
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.calibrate_judge import ALL_WRONG, Cell, Ranges, canvas, corrupted, noisy, true_rows
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

ROWS = 10
LAWS = ("uniform", "collision", "parabola")
EXPECTED = {
    "vanish": "permanence",
    "reappear": "permanence",
    "deform": "shape",
    "pass_through": "penetration",
    "stand_up": "force",
    "split": "count",
    "fade": "colour",
    "growth": "size",
    "elasticity": "energy",
    "twin": "count",
}
"""The rule that is there for it."""


def shown(cell: Cell, *, ranges: Ranges = "trained") -> Videos:
    rows = true_rows(cell, start=1000, stop=1000 + ROWS, ranges=ranges)
    return rows.with_pixels(render(rows, canvas=canvas(cell)))


@pytest.mark.parametrize("size_px", [32, 128])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("ranges", ["trained", "unseen"])
def test_true_videos_are_normal_with_and_without_noise(law: str, size_px: int, ranges: Ranges) -> None:
    """Also balls of two pixels, and fast ones."""
    videos = shown(Cell(law, size_px), ranges=ranges)
    for frames in (videos, noisy(videos)):
        verdicts = judge(frames)
        assert not verdicts.abnormal.any(), {rule: videos.index[flags].tolist() for rule, flags in verdicts.fired.items() if flags.any()}


@pytest.mark.parametrize("kind", [*ALL_WRONG])
@pytest.mark.parametrize("law", LAWS)
def test_what_is_wrong_is_abnormal(law: str, kind: str) -> None:
    cell = Cell(law, 32)
    wrong = corrupted(shown(cell), corrupt=ALL_WRONG[kind], cell=cell)
    if wrong is None:
        assert (law, kind) in NO_OCCASION, f"{law} gives no occasion for {kind}"
        return
    verdicts = judge(wrong)
    if (law, kind) not in WEAK:
        assert verdicts.abnormal.mean() >= 0.8
    if kind in EXPECTED:
        assert verdicts.fired[EXPECTED[kind]].mean() >= 0.8


WEAK = {("collision", "skip")}
"""What is skipped may be the contact itself: before and after it every rule is kept."""

NO_OCCASION = {
    *((law, kind) for law in ("uniform", "parabola") for kind in ("swap", "pass_through", "elasticity", "merge")),
    *((law, "stand_up") for law in ("uniform", "collision")),
}


def test_a_corruption_starts_after_the_given_frames() -> None:
    """What a model is given is true, so nothing may be wrong there."""
    for kind, corrupt in ALL_WRONG.items():
        cell = Cell("collision", 32)
        videos = shown(cell)
        wrong = corrupted(videos, corrupt=corrupt, cell=cell)
        if wrong is not None and kind != "pass_through":
            true = videos.take(np.isin(videos.index, wrong.index))
            assert true.pixels is not None
            assert wrong.pixels is not None
            np.testing.assert_array_equal(wrong.pixels[:, :3], true.pixels[:, :3], err_msg=kind)


def test_nothing_altered_draws_the_row_itself() -> None:
    videos = shown(Cell("collision", 32))
    assert videos.pixels is not None
    np.testing.assert_array_equal(drawn(as_is(videos, 3), canvas=canvas(Cell("collision", 32))), videos.pixels[3])


def test_scores_do_not_look_at_the_later_truth() -> None:
    """Other true positions after the first frames, same frames: same scores. (Gravity is read from the true velocities.)"""
    videos = shown(Cell("collision", 32))
    state = videos.state.copy()
    state[:, 3:, :, :2] += 1.0
    lying = Videos(**{**vars(videos), "state": state})
    one, other = judge(videos), judge(lying)
    for rule in RULES:
        np.testing.assert_array_equal(one.scores[rule], other.scores[rule])


def test_what_the_rules_do_not_know_is_refused() -> None:
    rows = simulate(DataSpec(scenario=scenario_named("composition"), videos=2), indices=np.arange(2))
    with pytest.raises(UserError, match="no frames"):
        judge(rows)
    with pytest.raises(UserError, match="scenario composition"):
        judge(rows.with_pixels(render(rows, canvas=canvas(Cell("uniform", 32)))))
