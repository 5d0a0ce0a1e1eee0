"""Videos through Ray Data: row numbers in, simulated and rendered Arrow batches out, in exactly the
order asked for.

One stream serves a whole run: a list of batches, each a list of row numbers. One task makes several
batches: a task costs about 10 ms of scheduling, a video of 32 px less than 1 ms. Tasks run in the
run's own placement group, a few hundred megabytes ahead of the reader. Blocks come back in the
order of their batches (`preserve_order`), which is checked. The numbers enter by `from_blocks`:
`from_arrow` requests a whole CPU for every block's metadata, which a full cluster never grants.
Columns are `arrow.fixed_shape_tensor` throughout, never pickles."""

import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import ray
import ray.data
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from physscale.records.video import FORMAT, FORMAT_KEY, Videos
from physscale.render.canvas import Canvas
from physscale.run.context import stream
from physscale.simulate.spec import DataSpec

_TASK_BYTES = 16_000_000
_WINDOW_BYTES = 256_000_000
"""How many frames Ray Data makes at a time while those of the last window are read."""

_BATCH = "batch"


Source = Callable[[Iterable[np.ndarray]], Iterator[Videos]]
"""Batches of row numbers to their videos, one for one, in order."""


@dataclass(frozen=True)
class Tasks:
    """Where the data tasks of a run find their CPUs: in the run's own placement group, or wherever
    the cluster has them free."""

    cpus: float
    group: PlacementGroup | None = None

    def options(self) -> dict[str, Any]:
        """For Ray."""
        if self.group is None:
            return {"num_cpus": self.cpus}
        return {
            "num_cpus": self.cpus,
            "scheduling_strategy": PlacementGroupSchedulingStrategy(self.group),
        }


def videos(
    data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray], tasks: Tasks
) -> Iterator[Videos]:
    """The rows of each batch, with frames, in order."""
    source = functools.partial(_simulated, data, canvas)
    return ordered(
        source, batches=batches, video_bytes=data.frames * canvas.size_px**2 * 3, tasks=tasks
    )


def ordered(
    source: Source, *, batches: Iterable[np.ndarray], video_bytes: int, tasks: Tasks
) -> Iterator[Videos]:
    """What a source makes of each batch, in order, by Ray Data tasks; `video_bytes` decides how
    many batches share a task."""
    _quiet()
    numbered = list(enumerate(batches))
    blocks = [
        _numbers(group) for group in _grouped(numbered, rows=max(1, _TASK_BYTES // video_bytes))
    ]

    def drawn(table: pa.Table) -> Iterator[pa.Table]:
        number, index = table[_BATCH].to_numpy(), table["index"].to_numpy()
        parts = np.split(index, np.flatnonzero(np.diff(number)) + 1)
        for first, part in zip(np.unique(number), source(parts), strict=True):
            yield part.to_arrow().append_column(_BATCH, pa.array(np.full(len(part), first)))

    def made(window: list[pa.Table]) -> "list[ray.ObjectRef[pa.Table]]":
        dataset = ray.data.from_blocks(window).map_batches(
            drawn, batch_size=None, batch_format="pyarrow", zero_copy_batch=True, **tasks.options()
        )
        dataset.context.execution_options.preserve_order = True
        tables: list[ray.ObjectRef[pa.Table]] = dataset.materialize().to_arrow_refs()
        ray.wait(
            tables, num_returns=len(tables), timeout=0, fetch_local=True
        )  # begins to bring them here
        return tables

    windows = _windows(blocks, video_bytes=video_bytes)
    yield from _in_order(_one_ahead(made, windows), sizes=[len(batch) for _, batch in numbered])


Made = TypeVar("Made")


def _one_ahead(
    make: "Callable[[Made], list[ray.ObjectRef[pa.Table]]]", items: Iterable[Made]
) -> Iterator[pa.Table]:
    """The tables of each item, while a thread makes those of the next.

    One dataset for all would run ahead until memory is full, and then Ray Data's scheduler, a
    thread of this process, asks without a pause whether there is room again: steps took twice their
    time."""
    with ThreadPoolExecutor(1) as pool:
        last: Future[list[ray.ObjectRef[pa.Table]]] | None = None
        for item in items:
            waited, last = last, pool.submit(make, item)
            if waited is not None:
                yield from map(ray.get, waited.result())
        if last is not None:
            yield from map(ray.get, last.result())


def _windows(blocks: list[pa.Table], *, video_bytes: int) -> Iterator[list[pa.Table]]:
    """Consecutive blocks, each time twice as many, so that the first batch comes soon."""
    window, limit = list[pa.Table](), 2 * _TASK_BYTES
    for block in blocks:
        window.append(block)
        if video_bytes * sum(len(held) for held in window) >= limit:
            yield window
            window, limit = [], min(2 * limit, _WINDOW_BYTES)
    if window:
        yield window


def _simulated(data: DataSpec, canvas: Canvas, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
    return stream(data, canvas=canvas, batches=batches)


def _in_order(tables: Iterable[pa.Table], *, sizes: list[int]) -> Iterator[Videos]:
    """Cuts the arriving blocks at the batches' ends, and joins a batch that is larger than one of
    Ray's blocks."""
    expected, parts = 0, list[Videos]()
    for table in tables:
        numbers = table[_BATCH].to_numpy()
        schema = table.schema.remove(table.schema.get_field_index(_BATCH)).with_metadata(
            {FORMAT_KEY: str(FORMAT).encode()}
        )
        plain = table.drop_columns(_BATCH).cast(schema)
        for number in np.unique(numbers):
            begin, end = np.searchsorted(numbers, [number, number + 1])
            assert number == expected, f"Ray Data gave batch {number} where {expected} was due"
            parts.append(Videos.from_arrow(plain.slice(begin, end - begin)))
            arrived = sum(len(part) for part in parts)
            assert arrived <= sizes[expected], (
                f"batch {number} has {arrived} rows, {sizes[expected]} were asked for"
            )
            if arrived == sizes[expected]:
                yield parts[0] if len(parts) == 1 else Videos.concat(parts)
                expected, parts = expected + 1, []
    assert expected == len(sizes), f"Ray Data gave {expected} of {len(sizes)} batches"


def _grouped(
    numbered: list[tuple[int, np.ndarray]], *, rows: int
) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Consecutive batches, about `rows` rows together."""
    group: list[tuple[int, np.ndarray]] = []
    for item in numbered:
        group.append(item)
        if sum(len(indices) for _, indices in group) >= rows:
            yield group
            group = []
    if group:
        yield group


def _numbers(group: list[tuple[int, np.ndarray]]) -> pa.Table:
    number = np.concatenate([np.full(len(indices), position) for position, indices in group])
    return pa.table(
        {
            _BATCH: number,
            "index": np.concatenate([indices for _, indices in group]).astype(np.int64),
        }
    )


def _quiet() -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    formats = type(context.arrow_fixed_shape_tensor_format)
    context.arrow_fixed_shape_tensor_format = formats.ARROW_NATIVE
    logging.getLogger("ray.data").setLevel(logging.ERROR)
