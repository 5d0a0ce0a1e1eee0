"""Host work of a training step in series with the device, on a device that does nothing: tensors of
torch's meta device have shapes and no numbers.

Ours: a thread reads the batches and draws noise by the device's generator; the training takes what
waits. The peer is the step as it was: rows picked and noise drawn by NumPy in the training's own
thread. Counted is that thread's processor time until it can launch the step, DiT-S at the batch of
`experiments/paper.py`. (The peer also waited for the device twice a step, which a device that does
nothing does not show; `tests/unit/train/test_no_wait.py` proves that ours reads nothing back.)"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective import Share
from physscale.model.sizes import SIZES
from physscale.train.latents import LatentSet
from physscale.train.parallel import Workers
from physscale.train.prefetch import Prefetch
from physscale.train.spec import TrainSpec
from physscale.train.step import TrainState, begin, learn, part_of
from physscale.train.task import TrainTask

BATCH, HELD, ROUNDS = 256, 64, 5
VIDEO = (32, 4, 16, 16)
FLOW = FlowSpec(prediction="v", path="cosine", shift=1.0)
TRAIN = TrainSpec(steps=1000, batch=BATCH, optimiser="adamw", noise="device")


def run() -> dict[str, Any]:
    """Ratio: today's milliseconds ÷ ours."""
    latents = LatentSet(torch.zeros(HELD, *VIDEO))
    with tempfile.TemporaryDirectory() as folder:
        task = TrainTask(
            model=SIZES["S"],
            objective=FLOW,
            train=TRAIN,
            seed=0,
            latents=latents,
            checkpoints=Path(folder) / "checkpoints",
            metrics=Path(folder) / "metrics.jsonl",
            device="meta",
        )
        ours, peer = prefetched(task), serial(task)
    return {
        "name": "host_gap",
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "ms/step",
        "note": f"S, batch {BATCH}; peer: read and drawn in the training's thread, by NumPy",
    }


def prefetched(task: TrainTask) -> float:
    state = begun(task)
    with Prefetch(task, start=0, workers=Workers()) as shares:
        return milliseconds(lambda: next(shares), state=state, train=task.train)


def serial(task: TrainTask) -> float:
    state, train = begun(task), replace(task.train, noise="host")
    batches = task.latents.batches(0, seed=0, batch=BATCH, workers=Workers())
    objective = task.objective.build()

    def share() -> Share:
        part = part_of(step=state.step, seed=0, train=train, workers=Workers())
        return objective.draw(next(batches).to("meta"), part=part)

    return milliseconds(share, state=state, train=train)


def begun(task: TrainTask) -> TrainState:
    return begin(
        task.model, train=task.train, shape=task.backbone_shape, seed=0, device=task.device
    )


def milliseconds(share: Callable[[], Share], *, state: TrainState, train: TrainSpec) -> float:
    """Of this thread's processor time for a share, the median of a few steps after one to warm
    up."""
    times = []
    for turn in range(ROUNDS + 1):
        begun_s = time.thread_time()
        given = share()
        if turn:
            times.append(1e3 * (time.thread_time() - begun_s))
        learn(state, given, train=train, workers=Workers())
    return statistics.median(times)
