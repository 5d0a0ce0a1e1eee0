"""`physscale encode STUDY`: encodes the training videos of a study once, so that its runs read
latents instead of encoding again.

```
physscale encode spatial --dry-run                 files, bytes, FLOPs and time
physscale encode spatial --only vae --workers 2    with two Ray Data actors
physscale run spatial                              reads the latents
```

The same command continues, and makes damaged files again.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from physscale.cli.options import DryRun, MachineFile, Name, Only, Overrides, Results, open_study
from physscale.cli.terminal import console, counting_bar, say
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import Preempted
from physscale.records.leaving import Stopped
from physscale.records.spec import short
from physscale.records.store import MANIFEST, Store
from physscale.run.latent_cache import Cache, Unit, caches_of
from physscale.run.weights import check_weights, keep_weights
from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine
from physscale.scheduling.signals import stop_signals
from physscale.study.codec_cost import codec_cost
from physscale.study.encoding import CacheState, cache_state, encoded, encoded_by_workers
from physscale.study.progress import gigabytes, span
from physscale.study.speed import pace_of

Workers = Annotated[
    int, typer.Option(help="Number of Ray Data actors; 1 works without Ray.", min=1)
]


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
    pace = pace_of(chosen, results=results)
    notes = codec_cost(runs, store=opened.store, pace=pace).alone_notes
    notes += check_weights(runs, store=opened.store)
    caches = caches_of(runs, store=opened.store)
    states = [cache_state(cache, machine=chosen) for cache in caches]
    _show(states, notes=notes, workers=workers, machine=chosen, out=out)
    counts: Counter[str] = Counter()
    begun_s = time.monotonic()
    if not dry_run:
        from physscale.run.rehearsal import check_scoring  # Numba, SciPy: not for --dry-run

        check_scoring(runs)
        keep_weights(runs, store=opened.store)
        _say_codecs(caches, out=out)
        units = [unit for cache in caches for unit in cache.units]
        if workers > 1:
            counts = encoded_by_workers(units, workers=workers, machine=chosen)
        else:
            counts = _encode(units, machine=chosen, out=out)
        done = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        say(out, f"{opened.store.root / 'latents'}: {done} in {span(time.monotonic() - begun_s)}")
    if as_json:
        seconds = round(time.monotonic() - begun_s, 3)
        print_json(
            {
                "study": name,
                "dry_run": dry_run,
                "notes": notes,
                "caches": [asdict(state) for state in states],
                "files": counts,
                "seconds": seconds,
            }
        )


def _show(
    states: Sequence[CacheState],
    *,
    notes: Sequence[str],
    workers: int,
    machine: Machine,
    out: Console,
) -> None:
    for state in states:
        size = f"{state.videos} videos, {gigabytes(state.bytes)} in {state.files} files"
        left = "all there"
        if state.missing:
            about = span(state.about_s / workers)
            left = f"{state.missing} to make: {state.flops:.1e} FLOPs, about {about}"
        say(out, f"{state.latents}  {state.scenario} {state.side}: {size}, {left}")
    if any(state.missing for state in states):
        left = span(sum(state.about_s for state in states) / workers)
        by = "one process" if workers == 1 else f"{workers} workers"
        total = gigabytes(sum(state.bytes for state in states))
        say(out, f"{total} in all, about {left} of {by}, by the FLOP/s of machine {machine.name}")
    for note in notes:
        say(out, f"note: {note}")


def _say_codecs(caches: Sequence[Cache], *, out: Console) -> None:
    """Announces the codecs that must be fitted first, which may take long."""
    for run in {cache.run.codec_fingerprint: cache.run for cache in caches}.values():
        store = Store(caches[0].root)
        if not (store.codec(run.codec_fingerprint) / MANIFEST).exists():
            history = (
                f"; its history: {store.run(run.fingerprint).codec_fit}"
                if run.codec.training
                else ""
            )
            say(out, f"codec {short(run.codec_fingerprint)} is fitted first{history}")


def _encode(units: Sequence[Unit], *, machine: Machine, out: Console) -> Counter[str]:
    """Encodes every file in this process, and counts the files by outcome. A signal is heard after
    a file, or after a checkpoint of the codec."""
    counts: Counter[str] = Counter()
    with (
        stop_signals(lambda: None) as caught,
        counting_bar(Console(stderr=True), hidden=out.stderr) as bar,
    ):
        task = bar.add_task("files of latents", total=len(units))
        try:
            for _, made in encoded(units, machine=machine, stop_requested=lambda: bool(caught)):
                counts[made.state] += 1
                bar.advance(task)
        except Preempted as stopped:
            raise Stopped(caught[0], str(stopped)) from stopped
    return counts
