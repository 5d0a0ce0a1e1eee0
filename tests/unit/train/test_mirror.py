"""Mirrored videos: a coin of (seed, step, place in the batch) takes a video or its mirror image,
encoded from mirrored frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.codec.pca import fit_pca
from physscale.render.render import render
from physscale.run.context import PlainContext
from physscale.run.training_data import training_latents
from physscale.simulate.simulate import simulate
from physscale.train.latents import LatentSet, mirrors, order
from physscale.train.parallel import Workers
from tests.tiny import tiny_run

from .test_parallel import unconnected

SET = LatentSet(
    torch.arange(1.0, 11).view(-1, 1, 1, 1, 1), -torch.arange(1.0, 11).view(-1, 1, 1, 1, 1)
)


@settings(max_examples=30)
@given(st.integers(0, 2**40), st.integers(1, 24), st.integers(0, 50))
def test_each_place_of_the_batch_has_its_video_or_its_mirror_image(
    seed: int, batch: int, step: int
) -> None:
    videos = next(SET.batches(step, seed=seed, batch=batch, workers=Workers())).flatten().numpy()
    assert (np.abs(videos) - 1).tolist() == order(seed, videos=10, batch=batch, step=step).tolist()
    assert ((videos < 0) == mirrors(seed, batch=batch, step=step)).all()


def test_workers_cut_the_batch_of_one() -> None:
    whole = next(SET.batches(3, seed=1, batch=7, workers=Workers()))
    parts = [
        next(SET.batches(3, seed=1, batch=7, workers=unconnected(rank=rank, world=3)))
        for rank in range(3)
    ]
    assert torch.equal(torch.cat(parts), whole)


def test_half_of_all_are_mirrored_and_a_video_is_not_always_the_same() -> None:
    coins = np.stack([mirrors(0, batch=64, step=step) for step in range(200)])
    assert coins.mean() == pytest.approx(0.5, abs=0.02)
    assert coins.std(axis=0).min() > 0.4
    assert (coins != np.stack([mirrors(1, batch=64, step=step) for step in range(200)])).any()


def test_latents_of_mirror_images_are_encoded_from_mirrored_frames() -> None:
    """A ball that goes right, mirrored, is a ball that goes left: whole-frame latents of one cannot
    be turned into the other's."""
    run = tiny_run(videos=4)
    run = replace(run, train=replace(run.train, flip="horizontal"))
    still = render(simulate(run.codec.corpus, indices=np.arange(64)), canvas=run.canvas)
    codec = fit_pca(still.reshape(-1, *still.shape[2:]), components=32)
    latents = training_latents(run, codec=codec, context=PlainContext())
    assert latents.mirrored is not None
    pixels = render(simulate(run.data, indices=np.arange(4)), canvas=run.canvas)
    backwards = codec.decode(latents.mirrored)[:, :, :, ::-1].astype(float)
    assert (
        np.abs(backwards - pixels).mean()
        < 0.3 * np.abs(codec.decode(latents.mirrored).astype(float) - pixels).mean()
    )
    assert (
        training_latents(
            replace(run, train=replace(run.train, flip="none")), codec=codec, context=PlainContext()
        ).mirrored
        is None
    )
