"""The state of a study's caches of latents, and the encoding of what is missing: in this process or
by Ray Data actors."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from physscale.ray_jobs.apart import screen, stop_if, stoppable
from physscale.records.errors import DamagedData, Preempted
from physscale.records.spec import short
from physscale.run.cost import encoding_flops
from physscale.run.latent_cache import Cache, Unit
from physscale.scheduling.arithmetic import prepare
from physscale.scheduling.resources import Machine
from physscale.study.devices import card

if TYPE_CHECKING:
    from physscale.run.encode import Encoded

__all__ = ["CacheState", "cache_state", "encoded", "encoded_by_workers"]

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
    units: Sequence[Unit], *, machine: Machine, stop_requested: Callable[[], bool]
) -> "Iterator[tuple[Unit, Encoded]]":
    """Makes each missing or damaged file, and yields it with what was done. Raises Preempted when
    it is asked to stop, also while a codec is trained, which is saved first."""
    from physscale.run.encode import encode_unit

    prepare(threads=machine.threads, arithmetic=machine.arithmetic)
    for unit in units:
        yield unit, encode_unit(unit, device=machine.device(), stop_requested=stop_requested)
        if stop_requested():
            raise Preempted("stopped; run again to go on")


def encoded_by_workers(units: Sequence[Unit], *, workers: int, machine: Machine) -> Counter[str]:
    """The same by Ray Data actors; counts the files by outcome.

    Raises:
        Stopped: after a signal.
    """
    work = partial(_by_actors, units, workers, machine)
    return stoppable(work, root=units[0].cache.root) if units else Counter()


def _by_actors(units: Sequence[Unit], workers: int, machine: Machine, mark: Path) -> Counter[str]:
    """In the process that talks to Ray."""
    stop_if(mark)
    from physscale.ray_jobs.cluster import cluster  # starts in seconds
    from physscale.ray_jobs.encode import encoded_by_actors

    counts: Counter[str] = Counter()
    with cluster(machine) as nodes:
        for unit, made in encoded_by_actors(
            units, workers=workers, machine=machine, nodes=nodes, mark=mark
        ):
            counts[made.state] += 1
            said = f"{counts.total()}/{len(units)}  {unit.path.name} {made.state}"
            print(said, file=screen(), flush=True)
    return counts


def _there(unit: Unit) -> bool:
    try:
        return unit.open() is not None
    except DamagedData:
        return False
