"""What a run writes of its frames: the truth is equal to itself and normal, samples whose balls are gone are neither."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.dataset.file import with_frames
from physscale.evaluate.scores import RunFacts
from physscale.records.scene import Behaviour
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.run.frames import JUDGED_VIDEOS, SSIM_VIDEOS, frame_scores
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

FACTS = RunFacts(study="s", run="r", group="", parameters=1, videos=1, combinations=0, steps=1, flops=1.0, seed=0)
COUNT = JUDGED_VIDEOS + 2


@pytest.fixture(scope="module")
def truth() -> Videos:
    return with_frames(simulate(DataSpec(scenario=UniformMotion(), videos=COUNT), indices=np.arange(COUNT)), canvas=Canvas(size_px=32))


def values(samples: Videos, *, truth: Videos) -> dict[tuple[str, str], tuple[float, int]]:
    tables = frame_scores(samples, truth=truth, facts=FACTS, split="id", kind="id", condition_frames=3)
    return {(row["source"], row["metric"]): (row["value"], row["count"]) for table in tables for row in table.to_pylist()}


def test_the_truth_is_perfect_and_normal(truth: Videos) -> None:
    found = values(truth, truth=truth)
    assert found["model", "ssim"] == (1.0, SSIM_VIDEOS)
    assert found["model", "psnr_db"] == (100.0, COUNT)
    assert found["model", "abnormal_rate"] == found["truth", "abnormal_rate"] == (0.0, JUDGED_VIDEOS)


def test_a_vanished_ball_is_abnormal_by_its_rule(truth: Videos) -> None:
    assert truth.pixels is not None
    gone = truth.pixels.copy()
    gone[:, 6:] = 255
    found = values(truth.with_pixels(gone), truth=truth)
    assert found["model", "abnormal_rate"][0] == 1
    assert found["model", "abnormal_permanence"][0] == 1
    assert found["truth", "abnormal_rate"][0] == 0
    assert found["model", "ssim"][0] < 0.98
    assert found["model", "psnr_db"][0] < 40, "three frames are right, ten are not"


def test_given_frames_do_not_count(truth: Videos) -> None:
    assert truth.pixels is not None
    other = truth.pixels.copy()
    other[:, :3] = 0
    assert values(truth.with_pixels(other), truth=truth)["model", "ssim"][0] == 1


def test_without_rules_there_are_no_rates(truth: Videos) -> None:
    body = truth.body.copy()
    body[:, :, BODY.index("behaviour")] = next(kind for kind in Behaviour if kind != Behaviour.FREE)
    ring = replace(truth, body=body)
    assert {metric for _, metric in values(ring, truth=ring)} == {"ssim", "psnr_db"}
