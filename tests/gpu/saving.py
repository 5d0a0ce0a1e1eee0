"""Checkpoints on one card: what a save costs a step, and both kinds of weights."""

from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.distributed as dist

from physscale.model.sizes import SIZES
from physscale.train import checkpoint
from physscale.train.parallel import ALONE
from physscale.train.saving import Saving
from physscale.train.sharded import ShardedWeights
from physscale.train.step import TrainState, begin, train_step
from physscale.train.task import TrainTask
from tests.benchmarks.bench_async_save import slowdown, task_in
from tests.gpu.row import Bench, Reading, Row


def saving(bench: Bench) -> Iterator[Reading]:
    """A step while a checkpoint is written, ÷ an undisturbed one."""
    model, batch = (SIZES["d8"], 2) if bench.tiny else (SIZES["S"], 64)
    task = task_in(bench.folder, model=model, batch=batch, device=bench.device)
    found = slowdown(task, rounds=1 if bench.tiny else 3, settle=bench.settle)
    limit = None if bench.tiny else 1.05
    yield Reading(name="step during a save ÷ undisturbed", value=found.ours, at_most=limit)
    yield Reading(name="copy", value=1e3 * found.copied_s, unit="ms")


def kinds(bench: Bench) -> Iterator[Reading]:
    """Whole weights saved and loaded as FSDP2 shards of one worker, a step, and back."""
    model = SIZES["d8"] if bench.tiny else SIZES["S"]
    task = task_in(bench.folder, model=model, batch=2, device=bench.device)
    task = replace(task, train=replace(task.train, optimiser="muon"))
    backend = "gloo" if bench.device == "cpu" else "cpu:gloo,cuda:nccl"
    meeting = f"file://{bench.folder}/meeting"
    dist.init_process_group(backend, init_method=meeting, rank=0, world_size=1)
    try:
        whole, sharded, again = begun(task), in_shards(task), begun(task)
        for name, source, target in (
            ("whole to shards", whole, sharded),
            ("shards to whole", sharded, again),
        ):
            step(source, task)
            with Saving(source, task=task, workers=ALONE, resumed=False) as save:
                save.save(source)
                save.finish()
            newest = checkpoint.latest(task.checkpoints)
            assert newest is not None
            checkpoint.restore(target, newest, task=task, workers=ALONE)
            yield Reading(name=name, value=differing(source, target), at_most=0)
    finally:
        dist.destroy_process_group()


def begun(task: TrainTask) -> TrainState:
    return begin(
        task.model, train=task.train, shape=task.backbone_shape, seed=0, device=task.device
    )


def in_shards(task: TrainTask) -> TrainState:
    """Of a fresh model with other weights."""
    state = begun(task)
    model = task.model.build(task.backbone_shape)
    model.initialise(torch.Generator().manual_seed(1))
    weights = ShardedWeights.of(
        model, spec=task.train, rates=None, workers=ALONE, device=task.device
    )
    return replace(state, model=model, weights=weights)


def step(state: TrainState, task: TrainTask) -> None:
    shape = task.latents.shape
    x0 = torch.ones(2, shape.frames, shape.channels, shape.height, shape.width).to(task.device)
    objective = task.objective.build()
    train_step(state, x0, seed=0, train=task.train, objective=objective, workers=ALONE)


def differing(one: TrainState, other: TrainState) -> int:
    """How many tensors differ in any bit."""
    held, twins = one.weights.tensors(), other.weights.tensors()
    return sum(
        not torch.equal(tensor, twins[kind][name])
        for kind, named in held.items()
        for name, tensor in named.items()
    )


ROWS = (
    Row(
        name="async_save",
        item="a step of S while a checkpoint is written, against an undisturbed one",
        passes="≤ 1.05 of its time",
        measure=saving,
    ),
    Row(
        name="kinds",
        item="whole weights saved and loaded as FSDP2 shards (one worker), and back",
        passes="every tensor equal to the bit",
        measure=kinds,
    ),
)
