"""Latents as a Ray Data job: files of a cache in, each made by one of a pool of actors that keep
their codec; what became of them out.

The actors write the files themselves, into the results folder that every node sees: complete or
absent, and the same bytes as one plain process writes. The driver only counts. Killed at any
moment, the next call goes on with the files that are not there."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pyarrow as pa
import ray.data

from physscale.ray_jobs.data import _quiet
from physscale.records.errors import DamagedData, Unschedulable, UserError
from physscale.run.encode import Encoded, encode_unit
from physscale.run.latent_cache import Unit
from physscale.scheduling.resources import Machine, Node

__all__ = ["encoded_by_actors"]

KINDS = {kind.__name__: kind for kind in (UserError, DamagedData)}
ROW = pa.schema(
    [("place", pa.int64()), ("state", pa.string()), ("bytes", pa.int64()), ("error", pa.string())]
)


def encoded_by_actors(
    units: Sequence[Unit], *, workers: int, machine: Machine, nodes: Sequence[Node]
) -> Iterator[tuple[Unit, Encoded]]:
    """Each unit with what became of it, as they come, by so many actors; Ray is up already.

    Raises:
        Unschedulable: when the nodes cannot hold so many actors.
        UserError, DamagedData: as `encode_unit` does.
    """
    _check_room(workers, machine=machine, nodes=nodes)
    _quiet()
    dataset = ray.data.from_blocks(
        [pa.table({"place": [place]}) for place in range(len(units))]
    ).map_batches(
        _Encoder,
        fn_constructor_args=(tuple(units), machine.threads),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=machine.threads,
        num_gpus=machine.run_gpus or machine.worker_gpus or None,
    )
    for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        for row in table.to_pylist():
            if row["error"]:
                raise KINDS[row["state"]](row["error"])
            yield units[row["place"]], Encoded(row["state"], row["bytes"])


class _Encoder:
    """One member of the pool."""

    def __init__(self, units: Sequence[Unit], threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.units = units

    def __call__(self, table: pa.Table) -> pa.Table:
        places = table["place"].to_pylist()
        return pa.Table.from_pylist(
            [{"place": place, **self._row(self.units[place])} for place in places], schema=ROW
        )

    def _row(self, unit: Unit) -> dict[str, object]:
        """What is a user's error reaches the user as it is, not as a trace through Ray."""
        try:
            return {**asdict(encode_unit(unit)), "error": ""}
        except UserError as error:
            return {"state": type(error).__name__, "bytes": 0, "error": str(error)}


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
