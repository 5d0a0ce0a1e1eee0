"""Latents as a Ray Data job: files of a cache in, each made by one of a pool of actors that keep their codec; what became of them out.

The actors write the files themselves, into the results folder that every node sees: complete or absent, and the same bytes as one plain
process writes. The driver only counts. Killed at any moment, the next call goes on with the files that are not there.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import ray.data

from physscale.ray_jobs.data import _quiet
from physscale.ray_jobs.resources import Machine, Node
from physscale.records.errors import Unschedulable
from physscale.run.encode import Encoded, encode_unit
from physscale.run.latent_cache import Unit

__all__ = ["encoded_by_actors"]


def encoded_by_actors(units: Sequence[Unit], *, workers: int, machine: Machine, nodes: Sequence[Node]) -> Iterator[tuple[Unit, Encoded]]:
    """Each unit with what became of it, as they come, by so many actors; Ray is up already.

    Raises:
        Unschedulable: when the nodes cannot hold so many actors.
    """
    _check_room(workers, machine=machine, nodes=nodes)
    _quiet()
    dataset = ray.data.from_blocks([pa.table({"place": [place]}) for place in range(len(units))]).map_batches(
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
            yield units[row["place"]], Encoded(row["state"], row["bytes"])


class _Encoder:
    """One member of the pool."""

    def __init__(self, units: Sequence[Unit], threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.units = units

    def __call__(self, table: pa.Table) -> pa.Table:
        places = table["place"].to_pylist()
        made = [encode_unit(self.units[place]) for place in places]
        return pa.table({"place": places, "state": [one.state for one in made], "bytes": [one.bytes for one in made]})


def _check_room(workers: int, *, machine: Machine, nodes: Sequence[Node]) -> None:
    gpus = machine.run_gpus or machine.worker_gpus
    fit = sum(min(int(node.cpus // machine.threads), int(node.gpus / gpus) if gpus else workers) for node in nodes)
    if fit < workers:
        has = f"{sum(node.cpus for node in nodes):g} CPU and {sum(node.gpus for node in nodes):g} GPU"
        each = f"{machine.threads} CPU" + (f" and {gpus:g} GPU" if gpus else "")
        raise Unschedulable(f"--workers {workers}: each wants {each}, the nodes have {has}: at most {fit}")
