"""Encoding as a Ray Data job: actors, each with its own codec, make the files of a cache.

The actors write the files into the results folder, which every node sees. A file is complete or
absent, and has the same bytes as one that a plain process writes. The driver only counts. If the
job is killed, the next call makes the files that are missing."""

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import ray.data

from physscale.ray_jobs.apart import stop_if
from physscale.ray_jobs.data import _quiet
from physscale.records.errors import DamagedData, Preempted, Unschedulable, UserError
from physscale.run.encode import Encoded, encode_unit
from physscale.run.latent_cache import Unit
from physscale.scheduling.arithmetic import Arithmetic, prepare
from physscale.scheduling.gpus import HIDDEN, Device
from physscale.scheduling.resources import Machine, Node

__all__ = ["encoded_by_actors"]

ERRORS = {kind.__name__: kind for kind in (UserError, DamagedData, Unschedulable)}
ROW = pa.schema(
    [
        ("place", pa.int64()),
        ("actor", pa.string()),
        ("state", pa.string()),
        ("bytes", pa.int64()),
        ("error", pa.string()),
    ]
)


def encoded_by_actors(
    units: Sequence[Unit], *, workers: int, machine: Machine, nodes: Sequence[Node], mark: Path
) -> Iterator[tuple[Unit, Encoded]]:
    """Yields each unit with what was done about it, in order of completion. Ray must be up.

    Raises:
        Preempted: once the file `mark` exists, after the files at hand or a checkpoint of the
            codec's training.
        Unschedulable: if the nodes cannot hold this many actors.
        UserError, DamagedData: as `encode_unit` does.
    """
    stop_if(mark)
    _check_room(workers, machine=machine, nodes=nodes)
    _quiet()
    dataset = ray.data.from_blocks(
        [pa.table({"place": [place]}) for place in range(len(units))]
    ).map_batches(
        _Encoder,
        fn_constructor_args=(
            tuple(units),
            machine.threads,
            machine.arithmetic,
            _device(machine),
            mark,
        ),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=machine.threads,
        num_gpus=machine.run_gpus or machine.worker_gpus or None,
    )
    stopped = dict[str, str]()  # by actor: while one of them stops, others may be saving
    for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        for row in table.to_pylist():
            if row["state"] == Preempted.__name__:
                stopped[row["actor"]] = row["error"]
            elif row["error"]:
                raise ERRORS[row["state"]](row["error"])
            else:
                yield units[row["place"]], Encoded(row["state"], row["bytes"])
        if len(stopped) == workers:
            break
    if stopped:
        raise Preempted(next(iter(stopped.values())))


class _Encoder:
    """One actor of the pool."""

    def __init__(
        self,
        units: Sequence[Unit],
        threads: int,
        arithmetic: Arithmetic,
        device: Device,
        mark: Path,
    ) -> None:
        if device == "cpu":
            os.environ.update(HIDDEN)
        prepare(threads=threads, arithmetic=arithmetic)
        self.units = units
        self.device = device
        self.mark = mark
        self.actor = uuid.uuid4().hex

    def __call__(self, table: pa.Table) -> pa.Table:
        places = table["place"].to_pylist()
        return pa.Table.from_pylist(
            [
                {"place": place, "actor": self.actor, **self._row(self.units[place])}
                for place in places
            ],
            schema=ROW,
        )

    def _row(self, unit: Unit) -> dict[str, object]:
        """A UserError travels as a row, so that the user sees its one line and no trace of Ray."""
        try:
            stop_if(self.mark)
            made = encode_unit(unit, device=self.device, stop_requested=self.mark.exists)
            return {**asdict(made), "error": ""}
        except (UserError, Unschedulable, Preempted) as error:
            return {"state": type(error).__name__, "bytes": 0, "error": str(error)}


def _device(machine: Machine) -> Device:
    """Where an actor computes: it takes a run's share of a GPU, or a worker's."""
    return "cuda" if machine.promises_gpus else "cpu"


def _check_room(workers: int, *, machine: Machine, nodes: Sequence[Node]) -> None:
    gpus = machine.run_gpus or machine.worker_gpus
    fit = sum(
        min(int(node.cpus // machine.threads), int(node.gpus / gpus) if gpus else workers)
        for node in nodes
    )
    if fit < workers:
        has = (
            f"{sum(node.cpus for node in nodes):g} CPU and {sum(node.gpus for node in nodes):g} GPU"
        )
        each = f"{machine.threads} CPU" + (f" and {gpus:g} GPU" if gpus else "")
        raise Unschedulable(
            f"--workers {workers}: each wants {each}, the nodes have {has}: at most {fit}"
        )
