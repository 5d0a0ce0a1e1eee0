"""A training step of S while a checkpoint is written, ÷ an undisturbed one.

Ours goes on while a thread writes. The peer stops until the checkpoint is complete, as training did
before; it writes the same files. Both take the same number of steps per save, those that ours takes
while it writes. One round holds undisturbed steps, a save of ours and one of the peer's; medians of
the rounds' ratios."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective import Objective
from physscale.model.sizes import SIZES
from physscale.train.latents import LatentSet
from physscale.train.parallel import ALONE
from physscale.train.saving import Saving
from physscale.train.spec import TrainSpec
from physscale.train.step import TrainState, begin, train_step
from physscale.train.task import TrainTask

ROUNDS, UNDISTURBED = 5, 3
FRAMES, CHANNELS, SIDE = 16, 4, 8


def run() -> dict[str, Any]:
    """Ratio: the peer's slowdown ÷ ours."""
    torch.set_num_threads(1)
    x0 = torch.randn(1, FRAMES, CHANNELS, SIDE, SIDE)
    with tempfile.TemporaryDirectory() as folder:
        task = task_in(Path(folder), latents=x0)
        state = begin(task.model, train=task.train, shape=task.backbone_shape, seed=0, device="cpu")
        objective = task.objective.build()
        with Saving(state, task=task, workers=ALONE, resumed=False) as saving:
            saving.save(state)  # takes its memory, once
            saving.finish()
            rounds = [one_round(state, x0, objective, saving, task) for _ in range(ROUNDS)]
        size_mb = sum(file.stat().st_size for file in task.checkpoints.rglob("*")) / 2e6
    ours, peer = (median(round_[number] for round_ in rounds) for number in (0, 1))
    copied_ms = 1e3 * median(round_[2] for round_ in rounds)
    return {
        "name": "async_save",
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "step during a save ÷ undisturbed",
        "note": f"{size_mb:.0f} MB a checkpoint; training stands {copied_ms:.0f} ms for the copy",
    }


def one_round(
    state: TrainState, x0: Tensor, objective: Objective, saving: Saving, task: TrainTask
) -> tuple[float, float, float]:
    """Our slowdown, the peer's, and the seconds of our copy."""

    def step() -> None:
        train_step(state, x0, seed=0, train=task.train, objective=objective, workers=ALONE)

    def timed(steps: int) -> float:
        begun_s = time.perf_counter()
        for _ in range(steps):
            step()
        return time.perf_counter() - begun_s

    usual_s = timed(UNDISTURBED) / UNDISTURBED
    begun_s, before = time.perf_counter(), state.step
    saving.save(state)
    copied_s = time.perf_counter() - begun_s
    path = task.checkpoints / f"step_{before:08d}"
    while not path.exists():
        step()
        saving.asked(step=state.step, stop=False)
    steps = state.step - before
    ours_s = (time.perf_counter() - begun_s) / steps
    saving.finish()

    begun_s = time.perf_counter()
    saving.save(state)
    saving.finish()
    peers_s = (time.perf_counter() - begun_s + timed(steps)) / steps
    return ours_s / usual_s, peers_s / usual_s, copied_s


def task_in(folder: Path, *, latents: Tensor) -> TrainTask:
    return TrainTask(
        model=SIZES["S"],
        objective=FlowSpec(condition_frames=3),
        train=TrainSpec(steps=1000, batch=1, optimiser="adamw", warmup_steps=0),
        seed=0,
        latents=LatentSet(latents),
        checkpoints=folder / "checkpoints",
        metrics=folder / "metrics.jsonl",
        checkpoint_every=1000,
    )
