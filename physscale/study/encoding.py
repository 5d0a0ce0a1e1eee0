"""The state of a study's caches of latents, and the encoding of what is missing: in this process or
by Ray Data actors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from physscale.records.errors import DamagedData, Preempted
from physscale.records.spec import short
from physscale.run.cost import encoding_flops
from physscale.run.latent_cache import Cache, Unit
from physscale.scheduling.arithmetic import prepare
from physscale.scheduling.resources import Machine
from physscale.study.devices import card

if TYPE_CHECKING:
    from physscale.run.encode import Encoded

__all__ = ["CacheState", "cache_state", "encoded"]

PIXEL_S = 1e-9
"""Time to simulate and render one pixel of a frame (measured: 0.6e-9 to 1.4e-9)."""


@dataclass(frozen=True, kw_only=True)
class CacheState:
    """The state of a cache, and what is left to do by formula."""

    latents: str
    scenario: str
    side: str
    videos: int
    bytes: int
    files: int
    missing: int
    flops: float
    about_s: float


def cache_state(cache: Cache, *, machine: Machine) -> CacheState:
    """Counts the cache's files that are missing or damaged, reading no value of any."""
    missing = [unit for unit in cache.units if not _there(unit)]
    videos = sum(len(unit) for unit in missing)
    flops = videos * encoding_flops(cache.run)
    pixels = videos * cache.run.data.frames * cache.run.canvas.size_px**2
    device_flops_per_s = (
        card(machine.gpu).fp32.convolutions
        if machine.gpu
        else machine.flops_per_s / cache.run.workers  # the file counts all of a run's
    )
    return CacheState(
        latents=short(cache.fingerprint),
        scenario=cache.run.data.scenario.name,
        side=cache.side,
        videos=cache.videos,
        bytes=cache.videos * cache.video_bytes,
        files=len(cache.units),
        missing=len(missing),
        flops=flops,
        about_s=round(pixels * PIXEL_S + flops / device_flops_per_s, 1),
    )


def encoded(
    units: Sequence[Unit],
    *,
    workers: int,
    machine: Machine,
    stop_requested: Callable[[], bool],
) -> "Iterator[tuple[Unit, Encoded]]":
    """Makes each missing or damaged file, and yields it with what was done. Raises Preempted when
    it is asked to stop: in this process also while a codec is trained, which is saved first."""
    if workers == 1:
        from physscale.run.encode import encode_unit

        prepare(threads=machine.threads, arithmetic=machine.arithmetic)
        for unit in units:
            yield unit, encode_unit(unit, device=machine.device(), stop_requested=stop_requested)
            _check(stop_requested)
        return
    from physscale.ray_jobs.cluster import cluster  # starts in seconds: only where several work
    from physscale.ray_jobs.encode import encoded_by_actors

    with cluster(machine) as nodes:
        for done in encoded_by_actors(units, workers=workers, machine=machine, nodes=nodes):
            yield done
            _check(stop_requested)


def _check(stop_requested: Callable[[], bool]) -> None:
    if stop_requested():
        raise Preempted("stopped; run again to go on")


def _there(unit: Unit) -> bool:
    try:
        return unit.open() is not None
    except DamagedData:
        return False
