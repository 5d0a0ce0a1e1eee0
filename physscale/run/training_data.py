"""Where a training's latents come from. They are held in memory or, if they are too many, drawn,
rendered and encoded as the steps need them. Latents that `physscale encode` has made are read from
disk, into memory or row by row.

All ways give the same latents in the same order, bit for bit."""

from collections import deque
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
from physscale.records.spec import fingerprint
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

STEPS_AHEAD = 4
"""Steps whose rows the disk reads while the ones before are trained on."""

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
    members = 1 if context.seat is None else context.seat.members
    if latent_bytes(run) * members > held_bytes:
        return stored or StreamedLatents(run, codec, context)

    def held() -> LatentSet:
        if stored is not None:
            return stored.held()
        return training_latents(run, codec=codec, context=context)

    if context.seat is None:
        return held()
    alike = (fingerprint(run.data, run.codec, run.canvas), run.train.flip, run.latent_precision)
    return context.seat.shared(alike, make=held)


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
        plain_ones.append(_learned(codec.encode(videos.frames), run=run))
        if run.train.flip == "horizontal":
            mirrored.append(_learned(codec.encode(mirror_image(videos.frames)), run=run))
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
                pixels = videos.frames
                if run.train.flip == "horizontal":
                    coins = mirrors(seed, batch=batch, step=step)[rows]
                    pixels = np.where(
                        coins[:, None, None, None, None], mirror_image(pixels), pixels
                    )
                yield _learned(self.codec.encode(pixels), run=run)


@dataclass(frozen=True)
class StoredLatents:
    """Read from disk, the rows of some steps ahead; every row is checked as it is taken."""

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
        ahead: deque[tuple[np.ndarray, np.ndarray]] = deque()
        for step in count(start):
            while len(ahead) <= STEPS_AHEAD:
                ahead.append(self._announced(step + len(ahead), seed=seed, batch=batch, rows=rows))
            chosen, mirrored = ahead.popleft()
            latents = _rows(self.plain, chosen)
            if self.mirrored is not None:
                latents[torch.from_numpy(mirrored)] = _rows(self.mirrored, chosen[mirrored])
            yield latents

    def _announced(
        self, step: int, *, seed: int, batch: int, rows: slice
    ) -> tuple[np.ndarray, np.ndarray]:
        """The videos of this step's rows, and which of them are mirrored. The disk begins to read
        what will be taken."""
        chosen = order(seed, videos=self.run.data.videos, batch=batch, step=step)[rows]
        mirrored = np.zeros(len(chosen), bool)
        if self.mirrored is not None:
            mirrored = mirrors(seed, batch=batch, step=step)[rows]
            _announce(self.mirrored, chosen[mirrored])
        _announce(self.plain, chosen)
        return chosen, mirrored


def _learned(latents: Tensor, *, run: RunSpec) -> Tensor:
    """The latents in float32, rounded to the precision that the run learns from."""
    return latents if run.latent_precision == "fp32" else latents.bfloat16().float()


def _announce(shards: Sequence[LatentShard], indices: np.ndarray) -> None:
    for shard, mine in _by_shard(shards, indices):
        shard.announce(indices[mine])


def _rows(
    shards: Sequence[LatentShard], indices: np.ndarray
) -> Float[Tensor, "rows time channels height width"]:
    """Latents of these videos, in this order."""
    latents = np.empty((len(indices), *shards[0].latents.shape[1:]), np.float32)
    for shard, mine in _by_shard(shards, indices):
        latents[mine] = shard.take(indices[mine])
    return torch.from_numpy(latents)


def _by_shard(
    shards: Sequence[LatentShard], indices: np.ndarray
) -> Iterator[tuple[LatentShard, np.ndarray]]:
    """Each shard that has some of these videos, and which ones."""
    begins = np.array([shard.first for shard in shards])
    number = np.searchsorted(begins, indices, side="right") - 1
    for used in np.unique(number).tolist():
        yield shards[used], number == used
