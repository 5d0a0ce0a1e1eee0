"""The frames that a model is given are never scored as its own, whatever the codec does to time."""

from dataclasses import replace

import numpy as np
import pytest

from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_spec import VaeSpec
from physscale.evaluate.metrics import metrics_of
from physscale.run.scored_split import run_columns, scored_split
from physscale.run.spec import CodecRecipe, RunSpec
from tests.tiny import tiny_run


def run_of(*, time_factor: int, given: int) -> RunSpec:
    """Two halvings of time at most; 9 frames are 9, 5 or 3 latent ones."""
    run = tiny_run()
    vae = VaeSpec(widths=(8, 8, 8), levels_back=3, time_factor=time_factor)
    splits = [replace(split, data=replace(split.data, frames=9)) for split in run.test_splits]
    return replace(
        run,
        codec=CodecRecipe(spec=vae, corpus=run.codec.corpus, training=VaeTraining(steps=1)),
        objective=replace(run.objective, condition_frames=given),
        data=replace(run.data, frames=9),
        test_splits=tuple(splits),
    )


@pytest.mark.parametrize(
    ("time_factor", "given", "frames"),
    [(1, 3, 3), (2, 2, 3), (2, 3, 5), (4, 1, 1), (4, 2, 5), (4, 0, 0)],
)
def test_latent_frames_count_as_the_video_s(time_factor: int, given: int, frames: int) -> None:
    assert run_of(time_factor=time_factor, given=given).given_frames == frames


def test_scores_begin_after_the_frames_that_the_given_latents_hold() -> None:
    """Two latent frames of a codec with factor 4 hold five frames of the video."""
    run = run_of(time_factor=4, given=2)
    columns, metrics = run_columns(run, study="tiny"), metrics_of("run")
    case = scored_split(run, run.test_splits[0], columns=columns, metrics=metrics)
    assert case.generated(np.zeros_like(case.pixels)).condition_frames == 5
