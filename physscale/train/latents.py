"""Sources of batches. Each can start at any step; `LatentSet` holds small data sets in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from physscale.flow.noise import Stream, generator
from physscale.records.latent_shape import LatentShape
from physscale.train.parallel import Workers

__all__ = ["LatentSet", "LatentSource", "mirrors", "order"]

RUNS_KEPT = 256
"""Of one process: the members of a pack ask in turns, step after step."""


def order(seed: int, *, videos: int, batch: int, step: int) -> Int[np.ndarray, " batch"]:
    """Rows of the global batch of this step: one endless sequence of epochs, each its own
    permutation of all videos, cut into batches."""
    first, last = step * batch, (step + 1) * batch
    epochs = range(first // videos, (last - 1) // videos + 1)
    permuted = permutations(seed, videos)
    parts = [
        permuted(epoch)[max(first - epoch * videos, 0) : last - epoch * videos] for epoch in epochs
    ]
    return np.concatenate(parts)


@lru_cache(maxsize=RUNS_KEPT)
def permutations(seed: int, videos: int) -> Callable[[int], Int[np.ndarray, " videos"]]:
    """All videos in the order of each epoch; the two newest are kept."""

    @lru_cache(maxsize=2)
    def of(epoch: int) -> Int[np.ndarray, " videos"]:
        return generator(seed, stream=Stream.ORDER, counter=epoch).permutation(videos)

    return of


@runtime_checkable
class LatentSource(Protocol):
    """Latents of a data set of any size: held in memory (`LatentSet`) or streamed."""

    @property
    def shape(self) -> LatentShape:
        """Shape of one video."""

    def batches(
        self, start: int, *, seed: int, batch: int, workers: Workers
    ) -> Iterator[Float[Tensor, "share time channels height width"]]:
        """This worker's share of the global batch of step `start`, of `start + 1`, ... without
        end."""


@dataclass(frozen=True)
class LatentSet:
    """Latents f32[D, T, C, H, W] of all videos, in the order of their row index.

    `mirrored` holds latents of the same videos mirrored left to right *before* they were encoded:
    in general a codec does not commute with a mirror. A coin of (seed, step, place in the batch)
    takes each video from one or the other."""

    latents: Float[Tensor, "videos time channels height width"]
    mirrored: Float[Tensor, "videos time channels height width"] | None = None

    @property
    def shape(self) -> LatentShape:
        return LatentShape(*self.latents.shape[1:])

    def batches(
        self, start: int, *, seed: int, batch: int, workers: Workers
    ) -> Iterator[Float[Tensor, "share time channels height width"]]:
        rows = workers.rows(batch)
        for step in count(start):
            chosen = torch.from_numpy(
                order(seed, videos=len(self.latents), batch=batch, step=step)[rows]
            )
            videos = self.latents.index_select(0, chosen)
            if self.mirrored is not None:
                coins = torch.from_numpy(mirrors(seed, batch=batch, step=step)[rows])
                videos[coins] = self.mirrored[chosen[coins]]
            yield videos


def mirrors(seed: int, *, batch: int, step: int) -> Bool[np.ndarray, " batch"]:
    """Which videos of this step's global batch are mirrored."""
    return generator(seed, stream=Stream.MIRROR, counter=step).random(batch) < 0.5
