"""Latents of training videos on disk: encoded once by `physscale encode`, read by every training on
the same data with the same codec.

    results/STUDY/latents/FP12/shard_00000000.arrow     videos 0 to 1023, and so on

Each file is complete or absent (`records/latents.py`).

A cache is named by what it holds: the data set without its number of videos (1,000 videos are the
beginning of 10,000), the canvas, the codec, whether the frames were mirrored before encoding, and
the precision of the numbers. A video's latents depend on nothing else. So a training that reads
them equals one that encodes as it goes, bit for bit, and neither the number of workers nor the
order of shards changes a byte."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from physscale.records.latent_shape import LatentShape
from physscale.records.latents import FORMAT, LatentShard, open_latents
from physscale.records.spec import canonical, fingerprint, short
from physscale.records.store import Store
from physscale.run.cost import encoding_flops, latent_shape
from physscale.run.spec import RunSpec

__all__ = [
    "Cache",
    "Unit",
    "cache_notes",
    "caches_of",
    "check_held",
    "check_unit",
    "latent_bytes",
    "open_cache",
    "sides",
]

Side = Literal["plain", "mirrored"]
SHARD_BYTES = 1 << 28
SHARD_VIDEOS = 1024
VIDEOS_AT_ONCE = 64

HELD_BYTES = 4_000_000_000
"""A run whose latents take more than this does not hold them in memory."""


@dataclass(frozen=True)
class Cache:
    """Latents of a run's training videos ("plain") or of their mirror images ("mirrored")."""

    run: RunSpec
    side: Side
    root: Path

    @functools.cached_property
    def fingerprint(self) -> str:
        precision = self.run.latent_precision
        return fingerprint(
            "latents",
            FORMAT,
            replace(self.run.data, videos=1),
            self.run.codec_fingerprint,
            self.side,
            *([] if precision == "fp32" else [precision]),
        )

    @functools.cached_property
    def shape(self) -> LatentShape:
        return latent_shape(self.run)

    @property
    def dimensions(self) -> tuple[int, int, int, int]:
        """T, C, h, w of one video."""
        return (self.shape.frames, self.shape.channels, self.shape.height, self.shape.width)

    @property
    def folder(self) -> Path:
        return Store(self.root).latents(self.fingerprint)

    @property
    def videos(self) -> int:
        return self.run.data.videos

    @property
    def video_bytes(self) -> int:
        """On disk."""
        return (4 if self.run.latent_precision == "fp32" else 2) * int(np.prod(self.dimensions))

    @property
    def shard_videos(self) -> int:
        """Videos per file; the size of the data set does not change it."""
        return min(SHARD_VIDEOS, max(1, SHARD_BYTES // self.video_bytes))

    @property
    def units(self) -> "list[Unit]":
        each = self.shard_videos
        return [
            Unit(self, start, min(start + each, self.videos))
            for start in range(0, self.videos, each)
        ]

    def __str__(self) -> str:
        return f"{self.run.data.scenario.name} {short(self.fingerprint)} {self.side}"


@dataclass(frozen=True)
class Unit:
    """One file of a cache: videos `start` to `stop - 1`."""

    cache: Cache
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def path(self) -> Path:
        return self.cache.folder / f"shard_{self.start:08d}.arrow"

    def open(self) -> LatentShard | None:
        """The file, or None if it is missing or has too few videos. Raises DamagedData if it is
        torn or foreign."""
        if not self.path.exists():
            return None
        cache = self.cache
        canvas = canonical(cache.run.canvas)
        shard = open_latents(
            self.path,
            first=self.start,
            shape=cache.dimensions,
            identity=cache.fingerprint,
            canvas=canvas,
            precision=cache.run.latent_precision,
        )
        return shard if len(shard) >= len(self) else None


def caches_of(runs: Iterable[RunSpec], *, store: Store) -> list[Cache]:
    """The caches of these runs, each once, with as many videos as its largest run needs."""
    largest: dict[str, Cache] = {}
    for run in runs:
        for side in sides(run):
            cache = Cache(run, side, store.root.absolute())
            known = largest.get(cache.fingerprint)
            if known is None or known.videos < cache.videos:
                largest[cache.fingerprint] = cache
    return list(largest.values())


def sides(run: RunSpec) -> tuple[Side, ...]:
    """The caches that a training reads: mirrored frames too, if it flips."""
    return ("plain", "mirrored") if run.train.flip == "horizontal" else ("plain",)


def check_unit(unit: Unit) -> bool:
    """Reads all of a file; False if there is none. Raises DamagedData if a value is not what was
    written."""
    shard = unit.open()
    if shard is None:
        return False
    for start in range(0, len(shard), VIDEOS_AT_ONCE):
        shard.take(shard.first + np.arange(start, min(start + VIDEOS_AT_ONCE, len(shard))))
    return True


def check_held(runs: Iterable[RunSpec], *, store: Store) -> None:
    """Checks every file that these runs hold in memory, before any run starts. Larger caches are
    checked row by row as they are read. Raises DamagedData if a value is not what was written."""
    if (store.root / "latents").is_dir():
        for cache in caches_of(
            [run for run in runs if latent_bytes(run) <= HELD_BYTES], store=store
        ):
            for unit in cache.units:
                check_unit(unit)


def open_cache(cache: Cache) -> list[LatentShard] | None:
    """The cache's files, or None if one is missing. Raises DamagedData if one is torn."""
    if not cache.folder.is_dir():
        return None
    shards = []
    for unit in cache.units:
        shard = unit.open()
        if shard is None:
            return None
        shards.append(shard)
    return shards


def latent_bytes(run: RunSpec) -> int:
    """Bytes of the latents of all training videos in float32, mirror images included."""
    numbers = int(np.prod(Cache(run, "plain", Path()).dimensions))
    return 4 * numbers * run.data.videos * len(sides(run))


def cache_notes(runs: Iterable[RunSpec], *, store: Store) -> list[str]:
    """Lines of a plan: which caches exist, and what it costs to encode without the others. Raises
    DamagedData if a file is torn or foreign."""
    runs = list(runs)
    caches = caches_of(runs, store=store) if (store.root / "latents").is_dir() else []
    notes, whole = [], set()
    for cache in caches:
        there = sum(unit.open() is not None for unit in cache.units)
        if there == len(cache.units):
            whole.add(cache.fingerprint)
        if cache.folder.is_dir():
            used = (
                "used"
                if cache.fingerprint in whole
                else "`physscale encode` makes the rest; not used until then"
            )
            notes.append(f"latents {cache}: {there} of {len(cache.units)} files, {used}")
    return notes + _without(runs, whole=whole, store=store)


def _without(runs: Iterable[RunSpec], *, whole: set[str], store: Store) -> list[str]:
    """The cost of encoding while training, for runs too large to hold their latents in memory."""
    streamed = [run for run in runs if latent_bytes(run) > HELD_BYTES]
    left = {
        cache.fingerprint: cache
        for cache in caches_of(streamed, store=store)
        if cache.fingerprint not in whole
    }
    anew = [
        run
        for run in streamed
        if any(cache.fingerprint in left for cache in caches_of([run], store=store))
    ]
    again = sum(run.train.steps * run.train.batch * encoding_flops(run) for run in anew)
    once = sum(cache.videos * encoding_flops(cache.run) for cache in left.values())
    held = sum(cache.videos * cache.video_bytes for cache in left.values())
    if again <= once:
        return []
    by_command = f"once by `physscale encode` {once:.1e}, {held / 1e9:.1f} GB"
    return [
        f"latents: encoding videos as they are drawn takes {again:.1e} FLOPs more; {by_command}"
    ]
