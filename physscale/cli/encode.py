"""`physscale encode STUDY`: makes the latents of a study's training videos once, so that its runs
read them instead of encoding again.

```
physscale encode spatial --dry-run                 files, bytes, FLOPs and time
physscale encode spatial --only vae --workers 2    with two Ray Data actors
physscale run spatial                              reads the latents
```

Run again = continue; damaged files are made again.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from physscale.cli.options import (
    DryRun,
    MachineFile,
    Name,
    Only,
    Overrides,
    Results,
    console,
    open_study,
)
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import DamagedData
from physscale.records.spec import short
from physscale.records.store import MANIFEST, Store
from physscale.run.cost import encoding_flops
from physscale.run.latent_cache import Cache, Unit, caches_of
from physscale.run.weights import check_weights, keep_weights
from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine
from physscale.study.progress import gigabytes, span

if TYPE_CHECKING:
    from physscale.run.encode import Encoded

PIXEL_S = 1e-9
"""Time to simulate and render one pixel of a frame (measured: 0.6e-9 to 1.4e-9)."""

Workers = Annotated[
    int, typer.Option(help="Number of Ray Data actors; 1 works without Ray.", min=1)
]


@dataclass(frozen=True, kw_only=True)
class Line:
    """The state of a cache, and by formula what is left to do."""

    latents: str
    scenario: str
    side: str
    videos: int
    bytes: int
    files: int
    missing: int
    flops: float
    about_s: float


def encode_command(
    name: Name,
    overrides: Overrides = None,
    only: Only = None,
    results: Results = Path("results"),
    machine: MachineFile = None,
    workers: Workers = 1,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Encode the training videos of a study once, as Arrow files that its runs read.

    The same command continues; every file is checked."""
    opened = open_study(name, results=results, overrides=overrides, only=only)
    chosen, out = read_machine(machine), console(as_json=as_json)
    runs = list(opened.study.runs.values())
    notes = check_weights(runs, store=opened.store)
    caches = caches_of(runs, store=opened.store)
    lines = [_line(cache, machine=chosen) for cache in caches]
    _show(lines, notes=notes, workers=workers, machine=chosen, out=out)
    counts: Counter[str] = Counter()
    begun_s = time.monotonic()
    if not dry_run:
        keep_weights(runs, store=opened.store)
        _say_codecs(caches, out=out)
        counts = _encode(caches, workers=workers, machine=chosen, out=out)
        done = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        out.print(
            f"{opened.store.root / 'latents'}: {done} in {span(time.monotonic() - begun_s)}",
            highlight=False,
            soft_wrap=True,
        )
    if as_json:
        seconds = round(time.monotonic() - begun_s, 3)
        print_json(
            {
                "study": name,
                "dry_run": dry_run,
                "notes": notes,
                "caches": [asdict(line) for line in lines],
                "files": counts,
                "seconds": seconds,
            }
        )


def _line(cache: Cache, *, machine: Machine) -> Line:
    missing = [unit for unit in cache.units if not _there(unit)]
    videos = sum(len(unit) for unit in missing)
    flops = videos * encoding_flops(cache.run)
    pixels = videos * cache.run.data.frames * cache.run.canvas.size_px**2
    return Line(
        latents=short(cache.fingerprint),
        scenario=cache.run.data.scenario.name,
        side=cache.side,
        videos=cache.videos,
        bytes=cache.videos * cache.video_bytes,
        files=len(cache.units),
        missing=len(missing),
        flops=flops,
        about_s=round(pixels * PIXEL_S + flops / _flops_per_s(cache, machine=machine), 1),
    )


def _flops_per_s(cache: Cache, *, machine: Machine) -> float:
    """Of one device; the machine file counts all devices of a run."""
    return machine.flops_per_s / cache.run.workers


def _there(unit: Unit) -> bool:
    """Whether the file is there; reads no value of it."""
    try:
        return unit.open() is not None
    except DamagedData:
        return False


def _show(
    lines: Sequence[Line], *, notes: Sequence[str], workers: int, machine: Machine, out: Console
) -> None:
    for line in lines:
        size = f"{line.videos} videos, {gigabytes(line.bytes)} in {line.files} files"
        left = (
            f"{line.missing} to make: {line.flops:.1e} FLOPs, about {span(line.about_s / workers)}"
            if line.missing
            else "all there"
        )
        out.print(
            f"{line.latents}  {line.scenario} {line.side}: {size}, {left}",
            highlight=False,
            soft_wrap=True,
        )
    if any(line.missing for line in lines):
        left = span(sum(line.about_s for line in lines) / workers)
        by = "one process" if workers == 1 else f"{workers} workers"
        total = gigabytes(sum(line.bytes for line in lines))
        out.print(
            f"{total} in all, about {left} of {by}, by the FLOP/s of machine {machine.name}",
            highlight=False,
            soft_wrap=True,
        )
    for note in notes:
        out.print(f"note: {note}", highlight=False, soft_wrap=True)


def _say_codecs(caches: Sequence[Cache], *, out: Console) -> None:
    """Announces codecs that have to be fitted first, which may take long."""
    for run in {cache.run.codec_fingerprint: cache.run for cache in caches}.values():
        store = Store(caches[0].root)
        if not (store.codec(run.codec_fingerprint) / MANIFEST).exists():
            history = (
                f"; its history: {store.run(run.fingerprint).codec_fit}"
                if run.codec.training
                else ""
            )
            out.print(
                f"codec {short(run.codec_fingerprint)} is fitted first{history}",
                highlight=False,
                soft_wrap=True,
            )


def _encode(
    caches: Sequence[Cache], *, workers: int, machine: Machine, out: Console
) -> Counter[str]:
    """Encodes every file; counts what was done about them."""
    units = [unit for cache in caches for unit in cache.units]
    states: Counter[str] = Counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=out.stderr) as bar:
        task = bar.add_task("files of latents", total=len(units))
        for _, encoded in _encoded(units, workers=workers, machine=machine):
            states[encoded.state] += 1
            bar.advance(task)
    return states


def _encoded(
    units: Sequence[Unit], *, workers: int, machine: Machine
) -> "Iterator[tuple[Unit, Encoded]]":
    if workers == 1:
        import torch

        from physscale.run.encode import encode_unit

        torch.set_num_threads(machine.threads)
        yield from ((unit, encode_unit(unit, device=machine.device())) for unit in units)
        return
    from physscale.ray_jobs.cluster import cluster  # starts in seconds: only where several work
    from physscale.ray_jobs.encode import encoded_by_actors

    with cluster(machine) as nodes:
        yield from encoded_by_actors(units, workers=workers, machine=machine, nodes=nodes)
