"""Sources with something to keep, through a pool of Ray Data actors: PHYRE's child process lives as
long as its actor.

Blocks go to whichever actor is free and come back in the order of their batches, so the rows are
those of one plain process. A child that dies costs its actor one task's retry and a line in that
actor's log (`simulate.phyre.worker`); an actor that dies, one block's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import ray.data

from physscale.ray_jobs.data import _BATCH, Source, _in_order, _numbers, _quiet
from physscale.records.video import Videos
from physscale.simulate.simulate import own_frames, simulate
from physscale.simulate.spec import DataSpec


@dataclass(frozen=True, kw_only=True)
class Filmed:
    """Rows of the real PHYRE with the frames that it paints itself; `shards.Simulated` draws them
    from their states instead."""

    data: DataSpec

    def __call__(self, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        for indices in batches:
            yield simulate(self.data, indices=indices).with_pixels(
                own_frames(self.data, indices=indices)
            )


class _Actor:
    """One member of the pool, with its own copy of the source."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        number = table[_BATCH].to_numpy()
        for part in self.source([table["index"].to_numpy()]):
            yield part.to_arrow().append_column(_BATCH, pa.array(number))


def pooled(
    source: Source, *, batches: Iterable[np.ndarray], actors: int, cpus: float
) -> Iterator[Videos]:
    """What a source makes of each batch, by so many actors of `cpus` each, in order."""
    _quiet()
    numbered = list(enumerate(batches))
    dataset = ray.data.from_blocks([_numbers([item]) for item in numbered]).map_batches(
        _Actor,
        fn_constructor_args=(source,),
        batch_size=None,
        batch_format="pyarrow",
        zero_copy_batch=True,
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=cpus,
    )
    dataset.context.execution_options.preserve_order = True
    tables = dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=2)
    yield from _in_order(tables, sizes=[len(batch) for _, batch in numbered])
