"""Where a training's latents come from. They are held in memory or, if they are too many, drawn,
rendered and encoded as the steps need them. Latents that `physscale encode` has made are read from
disk, into memory or row by row.

All ways give the same latents in the same order, bit for bit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from physscale.codec.protocol import Codec
from physscale.records.latent_shape import LatentShape
from physscale.records.latents import LatentShard
from physscale.records.store import Store
from physscale.run.context import Context
from physscale.run.cost import latent_shape
from physscale.run.encode import mirror_image
from physscale.run.latent_cache import (
    HELD_BYTES,
    VIDEOS_AT_ONCE,
    caches_of,
    latent_bytes,
    open_cache,
)
from physscale.run.spec import RunSpec
from physscale.train.latents import LatentSet, LatentSource, mirrors, order
from physscale.train.parallel import Workers

__all__ = [
    "StoredLatents",
    "StreamedLatents",
    "stored_latents",
    "training_latents",
    "training_source",
]

STEPS_A_STREAM = 500
"""A stream begins within a second; its batches are listed beforehand."""


def training_source(
    run: RunSpec,
    *,
    codec: Codec,
    context: Context,
    store: Store | None = None,
    held_bytes: int = HELD_BYTES,
) -> LatentSource:
    """The latents of the run's training videos. Raises DamagedData for stored files that are not
    what was written."""
    stored = None if store is None else stored_latents(run, store=store)
    if latent_bytes(run) > held_bytes:
        return stored or StreamedLatents(run, codec, context)
    return training_latents(run, codec=codec, context=context) if stored is None else stored.held()


def stored_latents(run: RunSpec, *, store: Store) -> "StoredLatents | None":
    """What `physscale encode` has made for this run; None if anything is missing."""
    caches = {cache.side: open_cache(cache) for cache in caches_of([run], store=store)}
    plain, mirrored = caches["plain"], caches.get("mirrored")
    if plain is None or (mirrored is None and "mirrored" in caches):
        return None
    return StoredLatents(run, tuple(plain), None if mirrored is None else tuple(mirrored))


def training_latents(run: RunSpec, *, codec: Codec, context: Context) -> LatentSet:
    """Latents of all training videos in the order of their index, and of their mirror images if the
    run mirrors videos."""
    indices = np.arange(run.data.videos)
    batches = [
        indices[start : start + VIDEOS_AT_ONCE] for start in range(0, len(indices), VIDEOS_AT_ONCE)
    ]
    plain_ones, mirrored = [], []
    for videos in context.videos(run.data, canvas=run.canvas, batches=batches):
        assert videos.pixels is not None
        plain_ones.append(codec.encode(videos.pixels))
        if run.train.flip == "horizontal":
            mirrored.append(codec.encode(mirror_image(videos.pixels)))
    return LatentSet(torch.cat(plain_ones), torch.cat(mirrored) if mirrored else None)


@dataclass(frozen=True)
class StreamedLatents:
    """Latents made as the steps need them; only the batches in flight are held."""

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
            chosen = [
                order(seed, videos=run.data.videos, batch=batch, step=step)[rows] for step in steps
            ]
            stream = self.context.videos(run.data, canvas=run.canvas, batches=chosen)
            for step, videos in zip(steps, stream, strict=True):
                assert videos.pixels is not None
                pixels = videos.pixels
                if run.train.flip == "horizontal":
                    coins = mirrors(seed, batch=batch, step=step)[rows]
                    pixels = np.where(
                        coins[:, None, None, None, None], mirror_image(pixels), pixels
                    )
                yield self.codec.encode(pixels)


@dataclass(frozen=True)
class StoredLatents:
    """Read from disk row by row; every row is checked as it is read."""

    run: RunSpec
    plain: tuple[LatentShard, ...]
    mirrored: tuple[LatentShard, ...] | None = None

    @property
    def shape(self) -> LatentShape:
        return latent_shape(self.run)

    def held(self) -> LatentSet:
        """All of them in memory."""
        every = np.arange(self.run.data.videos)
        sides = [
            None if shards is None else _rows(shards, every)
            for shards in (self.plain, self.mirrored)
        ]
        assert sides[0] is not None
        return LatentSet(sides[0], sides[1])

    def batches(
        self, start: int, *, seed: int, batch: int, workers: Workers
    ) -> Iterator[Float[Tensor, "share time channels height width"]]:
        rows = workers.rows(batch)
        for step in count(start):
            chosen = order(seed, videos=self.run.data.videos, batch=batch, step=step)[rows]
            latents = _rows(self.plain, chosen)
            if self.mirrored is not None:
                coins = mirrors(seed, batch=batch, step=step)[rows]
                latents[torch.from_numpy(coins)] = _rows(self.mirrored, chosen[coins])
            yield latents


def _rows(
    shards: Sequence[LatentShard], indices: np.ndarray
) -> Float[Tensor, "rows time channels height width"]:
    """Latents of these videos, in this order."""
    begins = np.array([shard.first for shard in shards])
    number = np.searchsorted(begins, indices, side="right") - 1
    latents = np.empty((len(indices), *shards[0].latents.shape[1:]), np.float32)
    for used in np.unique(number).tolist():
        latents[number == used] = shards[used].take(indices[number == used])
    return torch.from_numpy(latents)
