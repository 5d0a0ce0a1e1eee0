"""A run on several devices: Ray Train starts the workers, each executes the very same run, torch.distributed joins them.

The model knows one device; the run asks its context for rank and world and slices what it draws. A worker that was asked to stop, or whose
loss ran away, says so in a small file and returns, since Ray Train would take its exception for a fault and start the run again.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray.train
import ray.train.torch

from physscale.ray_jobs.attempt import Job, Run
from physscale.ray_jobs.data import Tasks, videos
from physscale.ray_jobs.leaving import NodeWatch, own_node
from physscale.ray_jobs.resources import Machine
from physscale.ray_jobs.waiting import Wait, clear, note, noting
from physscale.records.store import write_atomic
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.simulate.spec import DataSpec
from physscale.train.stop import Diverged, Preempted

_RESTARTS = 2
"""How often the whole group is started again after a worker died; it goes on from the run's own checkpoint."""


@dataclass(frozen=True)
class WorkerContext:
    """The surroundings of a run inside one Ray Train worker."""

    run: Run
    job: Job
    node: NodeWatch
    data_cpus: float
    rank: int
    world: int

    def videos(self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        stream = videos(data, canvas=canvas, batches=batches, tasks=Tasks(self.data_cpus))
        if self.rank:
            return stream
        folder = self.job.store.run(self.run.fingerprint)
        return noting(stream, folder=folder, wants=f"{self.data_cpus:g} CPU for its data", driver=self.job.driver.token)

    def report(self, *, step: int, **metrics: float) -> None:
        """The sweep's table follows the run's own history."""

    def stop_requested(self) -> bool:
        return self.job.stop_mark.exists() or self.node.leaving()


def train_workers(run: Run, *, job: Job, machine: Machine) -> None:
    """Executes a run with `run.workers` Ray Train workers and waits for its end.

    Raises:
        Preempted, Diverged: as the workers did.
        ray.train.TrainingFailedError: when a worker failed, or died too often.
    """
    folder = job.folder / "train" / f"{run.fingerprint}-{uuid.uuid4().hex[:8]}"  # Ray Train would go on from what it finds
    devices = {"CPU": machine.worker_cpus} | ({"GPU": machine.worker_gpus} if machine.worker_gpus else {})
    each = " and ".join(f"{amount:g} {kind}" for kind, amount in devices.items())
    note(job.store.run(run.fingerprint), Wait(f"{run.workers} workers with {each} each", job.driver.token))
    trainer = ray.train.torch.TorchTrainer(
        _work,
        train_loop_config={"run": run, "job": job, "machine": machine, "trial": own_node(), "ending": str(folder / "ending.json")},
        scaling_config=ray.train.ScalingConfig(num_workers=run.workers, use_gpu=machine.worker_gpus > 0, resources_per_worker=devices),
        torch_config=ray.train.torch.TorchConfig(backend="nccl" if machine.worker_gpus else "gloo"),
        run_config=ray.train.RunConfig(
            name=run.fingerprint[:12], storage_path=str(folder), failure_config=ray.train.FailureConfig(max_failures=_RESTARTS)
        ),
    )
    trainer.fit()
    ending = folder / "ending.json"
    if ending.exists():
        said = json.loads(ending.read_text())
        raise {"Preempted": Preempted, "Diverged": Diverged}[said["kind"]](said["error"])


def _work(config: dict[str, Any]) -> None:
    """What each worker does."""
    import torch

    run, job, machine = config["run"], config["job"], config["machine"]
    torch.set_num_threads(job.threads)
    place = ray.train.get_context()
    context = WorkerContext(
        run,
        job,
        node=NodeWatch(own_node(), config["trial"]),
        data_cpus=machine.data_cpus,
        rank=place.get_world_rank(),
        world=place.get_world_size(),
    )
    clear(job.store.run(run.fingerprint))
    try:
        job.execute(run, store=job.store, context=context)
    except (Preempted, Diverged) as error:
        if context.rank == 0:
            write_atomic(Path(config["ending"]), json.dumps({"kind": type(error).__name__, "error": str(error)}).encode())
