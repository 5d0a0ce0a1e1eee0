"""A run on several devices: Ray Train starts the workers, each executes the same run, and
torch.distributed joins them.

The model knows one device; the run asks its context for rank and world and slices what it draws. A
worker that was asked to stop, or whose loss diverged, says so in a small file and returns. Ray
Train would take an exception for a fault and start the run again."""

import json
import logging
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray.train
import ray.train.torch

from physscale.ray_jobs.data import Tasks, videos
from physscale.ray_jobs.demand import demand
from physscale.ray_jobs.gpus import check_nodes
from physscale.ray_jobs.leaving import NodeWatch, own_node
from physscale.ray_jobs.restarts import STARTS_AT_MOST, begin
from physscale.ray_jobs.watchdog import free_nodes
from physscale.records.errors import Diverged, Preempted, one_line
from physscale.records.json_value import parsed
from physscale.records.store import write_atomic
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.scheduling.arithmetic import prepare
from physscale.scheduling.attempt import Attempted, Job
from physscale.scheduling.gpus import HIDDEN, Device
from physscale.scheduling.resources import Machine, safe_workers
from physscale.scheduling.waiting import Wait, clear, note, noting
from physscale.simulate.spec import DataSpec

_LOST_PLACE_S = 20.0
"""How long to wait for a place for a lost worker; Ray itself counts on a dead node for about as
long. Where an autoscaler brings nodes, it is half the machine's patience."""


@dataclass(frozen=True)
class WorkerContext:
    """The surroundings of a run inside one Ray Train worker."""

    run: Attempted
    job: Job
    node: NodeWatch
    data_cpus: float
    device: Device
    rank: int
    world: int
    seat: None = None

    def videos(
        self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]
    ) -> Iterator[Videos]:
        stream = videos(data, canvas=canvas, batches=batches, tasks=Tasks(self.data_cpus))
        if self.rank:
            return stream
        folder = self.job.store.run(self.run.fingerprint)
        return noting(
            stream,
            folder=folder,
            wants=f"{self.data_cpus:g} CPU for its data",
            driver=self.job.driver.token,
        )

    def stop_requested(self) -> bool:
        return self.job.stop_mark.exists() or self.node.leaving()


def train_workers(run: Attempted, *, job: Job, machine: Machine) -> None:
    """Executes a run with `run.workers` Ray Train workers, or with fewer where the machine allows
    it and some are lost; waits for its end.

    Ray Train's own elasticity hangs on an actor that may die with the very node that is lost, and
    its own retries count the failures of a run's life. So both are decided here: a group that
    failed is started again, as large as there is room for, `STARTS_AT_MOST` times from one
    checkpoint.

    Raises:
        Preempted, Diverged: as the workers did.
        Unschedulable: if torch sees no GPU on a node that promises some.
        ray.train.TrainingFailedError: when the group failed too often from one checkpoint.
    """
    if machine.worker_gpus:
        check_nodes()
    while True:
        try:
            return _train_group(
                run, job=job, machine=machine, workers=_room(run, job=job, machine=machine)
            )
        except ray.train.TrainingFailedError as error:
            if begin(run, job=job) > STARTS_AT_MOST:
                raise
            logging.getLogger(__name__).warning(
                "run %s starts again: %s", run.fingerprint[:12], one_line(error)
            )


def _room(run: Attempted, *, job: Job, machine: Machine) -> int:
    """For how many workers: the run's own number, or what is free if that does not change within a
    short time. Raises Preempted."""
    if machine.fewest_workers is None:
        return run.workers
    fewest = min(machine.fewest_workers, run.workers)
    note(
        job.store.run(run.fingerprint),
        Wait(f"room for {fewest} of its {run.workers} workers at least", job.driver.token),
    )
    hope_s = _LOST_PLACE_S if machine.nodes is None else machine.patience_s / 2
    begun_s = time.monotonic()
    with demand([devices_of(machine)] * run.workers) as asked:
        while True:
            asked.let_go()
            nodes = [node.free for node in free_nodes()]
            free = min(run.workers, safe_workers(machine, nodes=nodes))
            if free == run.workers or (free >= fewest and time.monotonic() - begun_s > hope_s):
                return free
            if job.stop_mark.exists():
                raise Preempted("stopped while it waited for workers; run again to go on")
            time.sleep(1.0)


def devices_of(machine: Machine) -> dict[str, float]:
    """What Ray gives to each worker."""
    return {"CPU": machine.worker_cpus} | (
        {"GPU": machine.worker_gpus} if machine.worker_gpus else {}
    )


def _train_group(run: Attempted, *, job: Job, machine: Machine, workers: int) -> None:
    folder = (
        job.folder / "train" / f"{run.fingerprint}-{uuid.uuid4().hex[:8]}"
    )  # Ray Train would go on from what it finds
    devices = devices_of(machine)
    each = " and ".join(f"{amount:g} {kind}" for kind, amount in devices.items())
    note(
        job.store.run(run.fingerprint),
        Wait(f"{workers} worker{'s' * (workers > 1)} with {each} each", job.driver.token),
    )
    # a group of a fixed size waits for its place within Ray Train, however long that takes
    waits = -1 if machine.fewest_workers is None else 0
    decided_here = ray.train.FailureConfig(max_failures=0, controller_failure_limit=waits)
    trainer = ray.train.torch.TorchTrainer(
        _work,
        train_loop_config={
            "run": run,
            "job": job,
            "machine": machine,
            "trial": own_node(),
            "ending": str(folder / "ending.json"),
        },
        scaling_config=ray.train.ScalingConfig(
            num_workers=workers, use_gpu=machine.worker_gpus > 0, resources_per_worker=devices
        ),
        torch_config=ray.train.torch.TorchConfig(
            backend="cpu:gloo,cuda:nccl" if machine.worker_gpus else "gloo"
        ),
        run_config=ray.train.RunConfig(
            name=run.fingerprint[:12],
            storage_path=str(folder),
            failure_config=decided_here,
            worker_runtime_env={} if machine.worker_gpus else {"env_vars": HIDDEN},
        ),
    )
    trainer.fit()
    ending = folder / "ending.json"
    if ending.exists():
        said = parsed(ending.read_text())
        raise {"Preempted": Preempted, "Diverged": Diverged}[said["kind"]](said["error"])


def _work(config: dict[str, Any]) -> None:
    """What each worker does."""
    import torch

    run, job, machine = config["run"], config["job"], config["machine"]
    prepare(threads=job.threads, arithmetic=job.arithmetic)
    if machine.worker_gpus:
        torch.cuda.set_device(ray.train.torch.get_device())
    place = ray.train.get_context()
    context = WorkerContext(
        run,
        job,
        node=NodeWatch(own_node(), config["trial"]),
        data_cpus=machine.data_cpus,
        device=machine.device(workers=run.workers),
        rank=place.get_world_rank(),
        world=place.get_world_size(),
    )
    clear(job.store.run(run.fingerprint))
    try:
        job.execute(run, store=job.store, context=context)
    except (Preempted, Diverged) as error:
        if context.rank == 0:
            write_atomic(
                Path(config["ending"]),
                json.dumps({"kind": type(error).__name__, "error": str(error)}).encode(),
            )
