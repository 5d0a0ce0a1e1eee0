"""Batches made ahead by a thread: the same, in order, no further ahead than said; its errors raise
in the training, and it ends with it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from physscale.records.errors import DamagedData
from physscale.train.latents import LatentSet
from physscale.train.loop import train
from physscale.train.parallel import Workers
from physscale.train.prefetch import AHEAD, Prefetch
from physscale.train.step import part_of

from .tasks import PlainContext, small_latents, small_task


@dataclass(frozen=True)
class Watched(LatentSet):
    """Counts the batches that were read; damaged at one of them."""

    read: tuple[list[str], ...] = ()
    damaged_at: int = -1

    def batches(
        self, start: int, *, seed: int, batch: int, workers: Workers
    ) -> Iterator[torch.Tensor]:
        every = super().batches(start, seed=seed, batch=batch, workers=workers)
        for step, share in enumerate(every, start=start):
            if step == self.damaged_at:
                raise DamagedData("latents: row 7 is torn")
            self.read[0].append(threading.current_thread().name)
            yield share


def test_shares_are_those_drawn_one_by_one(tmp_path: Path) -> None:
    task = small_task(tmp_path, conditioning="numbers", steps=9)
    objective, conditioning = task.objective.build(), task.conditioning
    assert conditioning is not None
    batches = task.latents.batches(4, seed=5, batch=8, workers=Workers())
    with Prefetch(task, start=4, workers=Workers()) as shares:
        for step in range(4, 9):
            part = part_of(step=step, seed=5, train=task.train, workers=Workers())
            read = conditioning.batch(step, seed=5, batch=8, workers=Workers())
            due, made = objective.draw(next(batches), part=part, conditioning=read), next(shares)
            for name, value in vars(due).items():
                given = getattr(made, name)
                if isinstance(value, torch.Tensor):
                    assert torch.equal(given, value), name
                else:
                    assert given == value, name


def test_no_more_than_a_few_wait_and_the_thread_ends_with_the_training(tmp_path: Path) -> None:
    read: list[str] = []
    task = replace(small_task(tmp_path), latents=Watched(small_latents(), read=(read,)))
    with Prefetch(task, start=0, workers=Workers()) as shares:
        next(shares)
        time.sleep(0.3)
        assert len(read) == 1 + AHEAD + 1, "taken, waiting, and one in the hand"
    assert "batches" not in [thread.name for thread in threading.enumerate()]
    assert set(read) == {"batches"}


def test_an_error_of_the_thread_is_the_trainings_after_the_steps_before_it(tmp_path: Path) -> None:
    latents = Watched(small_latents(), read=([],), damaged_at=15)
    task = replace(small_task(tmp_path), latents=latents)
    with pytest.raises(DamagedData, match="row 7 is torn"):
        train(task, context=PlainContext())
    assert (tmp_path / "checkpoints" / "step_00000014").is_dir()
    assert "batches" not in [thread.name for thread in threading.enumerate()]


def test_nothing_is_read_beyond_the_last_step(tmp_path: Path) -> None:
    read: list[str] = []
    train(
        replace(small_task(tmp_path, steps=6), latents=Watched(small_latents(), read=(read,))),
        context=PlainContext(),
    )
    assert len(read) == 6
