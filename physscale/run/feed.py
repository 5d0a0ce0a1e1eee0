"""Where a training's latents come from: held in memory, or, if they are too many, drawn, rendered and encoded as its steps need them.

Both give the same videos in the same order, so what is too large for memory trains as what is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from physscale.model.codecs import Codec
from physscale.model.spec import LatentShape
from physscale.run.context import Context
from physscale.run.cost import latent_shape
from physscale.run.spec import RunSpec
from physscale.train.latents import LatentSet, LatentSource, mirrors, order
from physscale.train.parallel import Workers

__all__ = ["StreamedLatents", "latent_bytes", "training_latents", "training_source"]

HELD_BYTES = 4_000_000_000
"""Latents of a run above this are streamed."""

STEPS_A_STREAM = 500
"""A stream begins within a second; its batches are listed beforehand."""

VIDEOS_AT_ONCE = 64


def training_source(run: RunSpec, *, codec: Codec, context: Context, held_bytes: int = HELD_BYTES) -> LatentSource:
    """The run's training videos, one way or the other."""
    if latent_bytes(run) <= held_bytes:
        return training_latents(run, codec=codec, context=context)
    return StreamedLatents(run, codec, context)


def latent_bytes(run: RunSpec) -> int:
    """Of all training videos, float32; mirrored ones are twice as many."""
    shape = latent_shape(run)
    copies = 2 if run.train.flip == "horizontal" else 1
    return 4 * copies * run.data.videos * shape.frames * shape.channels * shape.height * shape.width


def training_latents(run: RunSpec, *, codec: Codec, context: Context) -> LatentSet:
    """Of all training videos, in the order of their index; where the run mirrors videos, also of every one's mirror image."""
    indices = np.arange(run.data.videos)
    batches = [indices[start : start + VIDEOS_AT_ONCE] for start in range(0, len(indices), VIDEOS_AT_ONCE)]
    plain_ones, mirrored = [], []
    for videos in context.videos(run.data, canvas=run.canvas, batches=batches):
        assert videos.pixels is not None
        plain_ones.append(codec.encode(videos.pixels))
        if run.train.flip == "horizontal":
            mirrored.append(codec.encode(_mirrored(videos.pixels)))
    return LatentSet(torch.cat(plain_ones), torch.cat(mirrored) if mirrored else None)


@dataclass(frozen=True)
class StreamedLatents:
    """Nothing is held but what is on its way."""

    run: RunSpec
    codec: Codec
    context: Context

    @property
    def shape(self) -> LatentShape:
        return latent_shape(self.run)

    def batches(
        self, start: int, *, seed: int, batch: int, workers: Workers
    ) -> Iterator[Float[Tensor, "share time channels height width"]]:
        run, rows = self.run, workers.rows(batch)
        for first in count(start, STEPS_A_STREAM):
            steps = range(first, first + STEPS_A_STREAM)
            chosen = [order(seed, videos=run.data.videos, batch=batch, step=step)[rows] for step in steps]
            stream = self.context.videos(run.data, canvas=run.canvas, batches=chosen)
            for step, videos in zip(steps, stream, strict=True):
                assert videos.pixels is not None
                pixels = videos.pixels
                if run.train.flip == "horizontal":
                    coins = mirrors(seed, batch=batch, step=step)[rows]
                    pixels = np.where(coins[:, None, None, None, None], _mirrored(pixels), pixels)
                yield self.codec.encode(pixels)


def _mirrored(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[:, :, :, ::-1])
