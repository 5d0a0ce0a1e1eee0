"""Which runs train as one program (`train/pack.py`), and their attempts side by side."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from physscale.scheduling.attempt import Attempted, Job, Lease, attempt
from physscale.train.pack import Pack, Seat

__all__ = ["attempts", "packs"]

Run = TypeVar("Run", bound=Attempted)


def packs(runs: Sequence[Run], *, largest: int, places: int = 1) -> list[tuple[Run, ...]]:
    """Every run in one pack of at most `largest`, with runs of its own shape; a run that must train
    alone is a pack by itself. There are as few packs as that takes, or up to `places`, so that no
    place stays empty."""
    shapes: dict[Hashable, list[Run]] = {}
    for run in runs:
        alone = largest == 1 or run.packs_with is None
        shapes.setdefault(run.fingerprint if alone else run.packs_with, []).append(run)
    counts = {shape: -(-len(alike) // largest) for shape, alike in shapes.items()}

    def fullest() -> Hashable:
        return max(shapes, key=lambda shape: len(shapes[shape]) / counts[shape])

    while sum(counts.values()) < min(places, len(runs)):
        counts[fullest()] += 1
    return [
        tuple(alike[part * len(alike) // counts[shape] : (part + 1) * len(alike) // counts[shape]])
        for shape, alike in shapes.items()
        for part in range(counts[shape])
    ]


def attempts(
    runs: Sequence[Attempted],
    *,
    job: Job,
    largest: int,
    body: Callable[[Attempted, Lease, Seat | None], None],
) -> list[str]:
    """How an attempt at each run of one of these `packs` ends (`attempt`). Where packs may have
    more than one run, they are members of a pack, each in a thread of its own, even a single one:
    its losses then do not depend on who is left. Runs that train alone are not."""
    pack = Pack(seats=len(runs))

    def alone(run: Attempted) -> str:
        return attempt(run, job=job, body=lambda lease: body(run, lease, None))

    def seated(number: int) -> str:
        run = runs[number]
        with pack.seat(number) as seat:
            return attempt(run, job=job, body=lambda lease: body(run, lease, seat))

    if largest == 1 or runs[0].packs_with is None:
        return [alone(run) for run in runs]
    with ThreadPoolExecutor(len(runs), thread_name_prefix="pack") as threads:
        return list(threads.map(seated, range(len(runs))))
