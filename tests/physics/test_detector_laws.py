"""The detector on the three laws: true videos pass, every kind of failure is seen, and it is
the right rule that sees it."""

import numpy as np
import pytest

from physscale.evaluate.abnormal.behaviours import best_path
from physscale.evaluate.abnormal.detector import detect
from physscale.evaluate.abnormal.free_flight import Tracks
from physscale.evaluate.abnormal.impacts import off_path_m
from physscale.evaluate.calibration.corruption import as_is, drawn
from physscale.evaluate.calibration.corruptions_paper import CORRUPTIONS
from physscale.evaluate.calibration.known_videos import (
    ALL_DEVELOPMENT,
    ALL_WRONG,
    Cell,
    Ranges,
    canvas,
    corrupted,
    noisy,
    ranges_of,
    true_rows,
)
from physscale.records.errors import UserError
from physscale.records.scene import Behaviour
from physscale.records.video import BODY, Videos
from physscale.render.render import render
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

ROWS = 10
LAWS = ("uniform", "collision", "parabola", "composition")
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
def test_true_videos_are_normal_with_and_without_noise(
    law: str, size_px: int, ranges: Ranges
) -> None:
    """Also balls of two pixels, and fast ones."""
    if ranges not in ranges_of(Cell(law, size_px)):
        return
    videos = shown(Cell(law, size_px), ranges=ranges)
    for frames in (videos, noisy(videos)):
        detections = detect(frames)
        assert not detections.abnormal.any(), {
            rule: videos.index[flags].tolist()
            for rule, flags in detections.fired.items()
            if flags.any()
        }


@pytest.mark.parametrize("kind", [*CORRUPTIONS, *ALL_DEVELOPMENT])
@pytest.mark.parametrize("law", LAWS)
def test_what_is_wrong_is_abnormal(law: str, kind: str) -> None:
    cell = Cell(law, 32)
    wrong = corrupted(shown(cell), corrupt=ALL_WRONG[kind], cell=cell)
    if wrong is None:
        assert (law, kind) in NO_OCCASION, f"{law} gives no occasion for {kind}"
        return
    detections = detect(wrong)
    assert detections.abnormal.mean() >= 0.8
    if kind in EXPECTED:
        assert detections.fired[EXPECTED[kind]].mean() >= 0.8


NO_OCCASION = {
    *(
        (law, kind)
        for law in ("uniform", "parabola")
        for kind in ("swap", "pass_through", "elasticity", "merge")
    ),
    *((law, "stand_up") for law in ("uniform", "collision", "composition")),
    *(("composition", kind) for kind in ("pass_through", "elasticity")),
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
    np.testing.assert_array_equal(
        drawn(as_is(videos, 3), canvas=canvas(Cell("collision", 32))), videos.pixels[3]
    )


def test_scores_do_not_look_at_the_later_truth() -> None:
    """Other true positions after the first frames, same frames: same scores. (Gravity is read from
    the true velocities.)"""
    videos = shown(Cell("collision", 32))
    state = videos.state.copy()
    state[:, 3:, :, :2] += 1.0
    lying = Videos(**{**vars(videos), "state": state})
    one, other = detect(videos), detect(lying)
    for rule in one.scores:
        np.testing.assert_array_equal(one.scores[rule], other.scores[rule])


@pytest.mark.parametrize(("elasticity", "off"), [(1.0, False), (0.4, True), (0.0, True)])
def test_discs_are_followed_through_their_contact(elasticity: float, off: bool) -> None:
    """Discs that part with less than all of the speed are off the path of the elastic hit; those
    of a true video are not."""
    videos = true_rows(Cell("collision", 32), start=1000, stop=1040)
    rows = [row for row in range(40) if videos.contact_s[row] - videos.time_s[row, 0] > 0.3]
    far = []
    for row in rows:
        body, time = videos.body[row].astype(np.float64), videos.time_s[row].astype(np.float64)
        radius, mass, speed = body[:, 1], body[:, 3], videos.state[row, 0, :, 3].astype(np.float64)
        mean = (mass * speed).sum() / mass.sum()
        contact = float(videos.contact_s[row]) - time[0]
        before, after = (
            np.minimum(time - time[0], contact),
            np.maximum(time - time[0] - contact, 0.0),
        )
        x = (
            videos.state[row, 0, :, 0]
            + speed * before[:, None]
            + (mean - elasticity * (speed - mean)) * after[:, None]
        )
        place = np.stack([x, np.repeat(videos.state[row, :1, :, 1], len(time), 0)], -1).astype(
            np.float64
        )
        whole = np.minimum(place, 10.0 - place).min(-1) >= radius
        near = np.abs(time - time[0] - contact)[:, None] < np.array([0.25, 0.25])
        tracks = Tracks(
            place=place,
            radius=radius,
            there=np.ones_like(whole),
            whole=whole,
            near=near,
            fall_m=0.0,
        )
        far.append(off_path_m(tracks, mass_kg=mass, elasticity=1.0, place_m=0.02))
    assert len(far) >= 5
    assert np.median(far) > 0.3 if off else max(far) < 0.1


def test_the_path_of_a_behaviour_is_the_simulators_and_no_other() -> None:
    """Fitted to the true places it passes through them; told another kind, it leaves a ball by a
    radius or more."""
    rows = true_rows(Cell("composition", 32), start=0, stop=20)
    for row in range(len(rows)):
        place, time = (
            rows.state[row, :, 0, :2].astype(np.float64),
            rows.time_s[row].astype(np.float64),
        )
        used = (place.min(-1) > 1.0) & (place.max(-1) < 9.0)
        kind = int(rows.body[row, 0, BODY.index("behaviour")])
        path = best_path(place, used=used, behaviour=kind, time_s=time)
        np.testing.assert_allclose(path[used], place[used], atol=1e-4)
        if kind == Behaviour.REVERSE:
            stopping = best_path(place, used=used, behaviour=Behaviour.STOP, time_s=time)
            assert np.abs(stopping - place)[used].max() > 0.5


def test_what_the_rules_do_not_know_is_refused() -> None:
    rows = simulate(DataSpec(scenario=scenario_named("spatial"), videos=2), indices=np.arange(2))
    with pytest.raises(UserError, match="no frames"):
        detect(rows)
    with pytest.raises(
        UserError, match="scenario 'spatial' has physics 'walls', for which there are no rules"
    ):
        detect(rows.with_pixels(render(rows, canvas=canvas(Cell("uniform", 32)))))
