"""Bodies of one colour in the tracker: told apart by their places, merged, or lost."""

import numpy as np

from physscale.evaluate.motion.track import parse
from physscale.records.video import BODY, Videos
from physscale.render.render import render
from tests.unit.evaluate.wrong_videos import CANVAS, touching, twins


def test_bodies_of_one_colour_are_told_by_their_places() -> None:
    truth = twins()
    tracks = parse(render(truth, canvas=CANVAS), body=truth.body, start_m=truth.state[:, 0, :, :2])
    assert tracks.seen.all()
    assert not tracks.merged.any()
    assert not tracks.duplicated.any()
    assert np.abs(tracks.x_m - truth.state[..., 0]).max() < 0.02
    assert np.abs(tracks.radius_m - truth.body[:, None, :, BODY.index("radius_m")]).max() < 0.02
    assert np.nanmax(tracks.shape_change) < 0.05, "a square is a square, a disc a disc"


def test_two_in_one_piece_are_merged_and_a_lost_one_is_not() -> None:
    truth = twins()
    state = truth.state.copy()
    tracks = parse(touching(truth), body=truth.body, start_m=truth.state[:, 0, :, :2])
    assert tracks.merged[:, 6:, :2].all()
    assert not tracks.seen[:, 6:, :2].any()
    assert tracks.seen[:, :, 2].all(), "the third has nothing to do with it"
    state[:, 6:, 0, 1] = -5.0
    lost = parse(
        render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS),
        body=truth.body,
        start_m=truth.state[:, 0, :, :2],
    )
    assert not lost.merged.any()
    assert not lost.seen[:, 6:, 0].any()
    assert lost.seen[:, :, 1:].all()
