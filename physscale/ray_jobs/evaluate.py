"""Evaluation as a Ray Data job: units (a split of a run) in, their finished files out, in order, by
as many tasks as there is room for.

A unit's result depends on its own files alone, so the rows are those of one plain process. The
driver writes what arrives. If it is killed, the next call continues with the units that have no
result."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pyarrow as pa
import ray.data

from physscale.finished.frames import Unit, UnitFiles, evaluated
from physscale.ray_jobs.apart import stop_if
from physscale.ray_jobs.data import _quiet
from physscale.ray_jobs.gpus import check_nodes
from physscale.scheduling.gpus import HIDDEN, Device
from physscale.scheduling.resources import Machine

ROW = pa.schema(
    [
        ("root", pa.string()),
        ("run", pa.string()),
        ("split", pa.string()),
        ("suffixes", pa.list_(pa.string())),
        ("contents", pa.list_(pa.binary())),
    ]
)
_LOOK_S = 0.5


def evaluated_by_tasks(
    units: Sequence[Unit], *, workers: int, machine: Machine, mark: Path
) -> Iterator[tuple[Unit, UnitFiles]]:
    """Each unit with its result, by that many tasks at a time. Ray must be up, and every node must
    see the results folder. A task takes a run's share of a GPU, if the machine gives runs one.

    Raises:
        Preempted: once the file `mark` exists.
        Unschedulable: if torch sees no GPU on a node that promises some.
    """
    stop_if(mark)
    if machine.promises_gpus:
        check_nodes()
    _quiet()
    blocks = [
        pa.table({"root": [unit.root], "run": [unit.run], "split": [unit.split]}) for unit in units
    ]
    dataset = ray.data.from_blocks(blocks).map_batches(
        _task,
        fn_kwargs={"device": "cuda" if machine.promises_gpus else "cpu", "mark": mark},
        batch_size=None,
        batch_format="pyarrow",
        zero_copy_batch=True,
        compute=ray.data.TaskPoolStrategy(size=workers),
        num_cpus=1,
        num_gpus=machine.run_gpus or machine.worker_gpus or None,
    )
    dataset.context.execution_options.preserve_order = True
    for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        for row in table.to_pylist():
            unit = Unit(row["root"], row["run"], row["split"])
            if not row["suffixes"]:
                stop_if(mark)
            yield unit, UnitFiles(dict(zip(row["suffixes"], row["contents"], strict=True)))


def _task(table: pa.Table, *, device: Device, mark: Path) -> pa.Table:
    if device == "cpu":
        os.environ.update(HIDDEN)
    rows = []
    for row in table.to_pylist():
        files = _unless(mark, Unit(row["root"], row["run"], row["split"]), device=device)
        rows.append({**row, "suffixes": list(files), "contents": list(files.values())})
    return pa.Table.from_pylist(rows, schema=ROW)


def _unless(mark: Path, unit: Unit, *, device: Device) -> dict[str, bytes]:
    """The unit's files; none once the mark exists. What is at work then ends with the process."""
    pool = ThreadPoolExecutor(1)
    found = pool.submit(evaluated, unit, device=device)
    while not mark.exists():
        if wait([found], timeout=_LOOK_S).done:
            pool.shutdown()
            return found.result().files
    pool.shutdown(wait=False)
    return {}
