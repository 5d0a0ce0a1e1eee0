"""A training step of S while a checkpoint is written, ÷ an undisturbed one.

Ours goes on while a thread writes. The peer stops until the checkpoint is complete, as training did
before; it writes the same files. Both take the same number of steps per save, those that ours takes
while it writes. One round holds undisturbed steps, a save of ours and one of the peer's; medians of
the rounds' ratios."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from physscale.flow.flow_spec import FlowSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.train.checkpoint import folder_of, folders
from physscale.train.latents import LatentSet
from physscale.train.parallel import ALONE
from physscale.train.saving import Saving
from physscale.train.spec import TrainSpec
from physscale.train.step import TrainState, begin, train_step
from physscale.train.task import TrainTask

ROUNDS, UNDISTURBED = 5, 3


@dataclass(frozen=True)
class Training:
    """A training between two steps; `settle` waits until its device is done."""

    task: TrainTask
    state: TrainState
    saving: Saving
    x0: Tensor
    settle: Callable[[], None]

    def seconds(self, steps: int) -> float:
        """Wall time of so many steps."""
        objective = self.task.objective.build()
        begun_s = time.perf_counter()
        for _ in range(steps):
            train_step(
                self.state,
                self.x0,
                seed=0,
                train=self.task.train,
                objective=objective,
                workers=ALONE,
            )
        self.settle()
        return time.perf_counter() - begun_s


@dataclass(frozen=True)
class Slowdown:
    """Steps while a checkpoint is written ÷ undisturbed ones; the time that our copy takes."""

    ours: float
    peers: float
    copied_s: float


def run() -> dict[str, Any]:
    """Ratio: the peer's slowdown ÷ ours."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        task = task_in(Path(folder), model=SIZES["S"], batch=1, device="cpu")
        found = slowdown(task, rounds=ROUNDS, settle=lambda: None)
        (newest, *_) = reversed(folders(task.checkpoints))
        size_mb = sum(file.stat().st_size for file in newest.iterdir()) / 1e6
    copied_ms = 1e3 * found.copied_s
    return {
        "name": "async_save",
        "ours": found.ours,
        "peer": found.peers,
        "ratio": found.peers / found.ours,
        "unit": "step during a save ÷ undisturbed",
        "note": f"{size_mb:.0f} MB a checkpoint; training stands {copied_ms:.0f} ms for the copy",
    }


def slowdown(task: TrainTask, *, rounds: int, settle: Callable[[], None]) -> Slowdown:
    """Medians of the rounds."""
    state = begin(
        task.model, train=task.train, shape=task.backbone_shape, seed=0, device=task.device
    )
    shape = task.latents.shape
    x0 = torch.randn(task.train.batch, shape.frames, shape.channels, shape.height, shape.width).to(
        task.device
    )
    with Saving(state, task=task, workers=ALONE, resumed=False) as saving:
        training = Training(task, state, saving, x0, settle)
        training.seconds(UNDISTURBED)
        saving.save(state)  # takes its memory, once
        saving.finish()
        every = [one_round(training) for _ in range(rounds)]
    return Slowdown(
        median(found.ours for found in every),
        median(found.peers for found in every),
        median(found.copied_s for found in every),
    )


def one_round(training: Training) -> Slowdown:
    state, saving = training.state, training.saving
    usual_s = training.seconds(UNDISTURBED) / UNDISTURBED
    begun_s, before = time.perf_counter(), state.step
    saving.save(state)
    training.settle()
    copied_s = time.perf_counter() - begun_s
    path = folder_of(training.task, step=before)
    while not path.exists():
        training.seconds(1)
        saving.asked(step=state.step, stop=False)
    steps = state.step - before
    ours_s = (time.perf_counter() - begun_s) / steps
    saving.finish()

    begun_s = time.perf_counter()
    saving.save(state)
    saving.finish()
    training.seconds(steps)
    peers_s = (time.perf_counter() - begun_s) / steps
    return Slowdown(ours_s / usual_s, peers_s / usual_s, copied_s)


def task_in(folder: Path, *, model: DiTSpec, batch: int, device: str) -> TrainTask:
    return TrainTask(
        model=model,
        objective=FlowSpec(condition_frames=3),
        train=TrainSpec(steps=1000, batch=batch, optimiser="adamw", warmup_steps=0),
        seed=0,
        latents=LatentSet(torch.zeros(1, 16, 4, 8, 8)),
        checkpoints=folder / "checkpoints",
        metrics=folder / "metrics.jsonl",
        checkpoint_every=1000,
        device=device,
    )
