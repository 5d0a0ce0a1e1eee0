"""A stream of latents gives what latents in memory give: the same videos, in the same order, from
any step on."""

from dataclasses import replace
from itertools import islice
from typing import Literal

import pytest
import torch

from physscale.codec.kinds import PixelSpec
from physscale.codec.pixels import PixelCodec
from physscale.run.context import PlainContext
from physscale.run.latent_cache import latent_bytes
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.run.training_data import StreamedLatents, training_source
from physscale.train.latents import LatentSet
from physscale.train.parallel import Workers
from tests.tiny import tiny_run

Flip = Literal["none", "horizontal"]

ALONE = Workers()


def run_of(flip: Flip) -> RunSpec:
    run = tiny_run()
    recipe = CodecRecipe(spec=PixelSpec(), corpus=run.codec.corpus)
    return replace(run, codec=recipe, train=replace(run.train, flip=flip))


@pytest.mark.parametrize("flip", ["none", "horizontal"])
def test_streamed_equals_held_from_any_step(flip: Flip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("physscale.run.training_data.STEPS_A_STREAM", 3)
    run = run_of(flip)
    held = training_source(run, codec=PixelCodec(), context=PlainContext())
    streamed = training_source(
        run, codec=PixelCodec(), context=PlainContext(), held_bytes=latent_bytes(run) - 1
    )
    assert isinstance(held, LatentSet)
    assert isinstance(streamed, StreamedLatents)
    assert streamed.shape == held.shape
    for start in (0, 5):
        pairs = zip(
            held.batches(start, seed=3, batch=6, workers=ALONE),
            streamed.batches(start, seed=3, batch=6, workers=ALONE),
            strict=False,
        )
        for ours, theirs in islice(pairs, 5):
            torch.testing.assert_close(theirs, ours, rtol=0, atol=0)


def test_bytes_of_the_latents_are_counted() -> None:
    flips: tuple[Flip, ...] = ("none", "horizontal")
    for flip in flips:
        run = run_of(flip)
        held = training_source(run, codec=PixelCodec(), context=PlainContext())
        assert isinstance(held, LatentSet)
        assert latent_bytes(run) == sum(
            part.nbytes for part in (held.latents, held.mirrored) if part is not None
        )
