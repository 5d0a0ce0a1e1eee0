"""A small training task, and a context that stops or dies where a test wants it to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal
from physscale.model.conditioning_spec import NUMBERS_A_BODY, Conditioning, TextSpec
from physscale.model.dit_spec import DiTSpec
from physscale.train.latents import LatentSet, order
from physscale.train.pack import Seat
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.task import TrainTask


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


@dataclass
class PlainContext:
    """Asks to stop before step `stop_before`."""

    stop_before: int | None = None
    rank: int = 0
    world: int = 1
    asked: int = 0
    seat: Seat | None = None

    def stop_requested(self) -> bool:
        self.asked += 1
        return self.stop_before is not None and self.asked > self.stop_before


@dataclass(frozen=True)
class MortalSet(LatentSet):
    """Latents whose reader dies when it is asked for the batch of step `dies_at`."""

    dies_at: int = -1

    def batches(
        self, start: int, *, seed: int, batch: int, workers: Workers
    ) -> Iterator[torch.Tensor]:
        for step, share in enumerate(
            super().batches(start, seed=seed, batch=batch, workers=workers), start=start
        ):
            if step == self.dies_at:
                raise Killed
            yield share


@dataclass(frozen=True)
class SmallConditioning:
    """Facts [D, ...] of all videos, held."""

    conditioning: torch.Tensor

    def batch(self, step: int, *, seed: int, batch: int, workers: Workers) -> torch.Tensor:
        rows = order(seed, videos=len(self.conditioning), batch=batch, step=step)[
            workers.rows(batch)
        ]
        return self.conditioning[torch.from_numpy(rows)]


def small_conditioning(conditioning: Conditioning, *, videos: int = 20) -> torch.Tensor | None:
    """Two bodies' numbers, or six characters; one video in five has none."""
    if conditioning == "none":
        return None
    shape = (videos, 2, NUMBERS_A_BODY) if conditioning == "numbers" else (videos, 6)
    drawn = normal(0, stream=Stream.SAMPLE, counter=3, shape=shape)
    values = drawn if conditioning == "numbers" else (20 * drawn).long().abs()
    values[::5] = 0
    return values


def small_model(conditioning: Conditioning = "none", *, width: int = 8) -> DiTSpec:
    return DiTSpec(
        width=width,
        depth=2,
        heads=1,
        conditioning=conditioning,
        text=TextSpec(tokens=6, width=4, depth=1, heads=1),
    )


def small_latents(*, videos: int = 20) -> torch.Tensor:
    """Straight lines in a three-dimensional latent space [D, 8, 3, 1, 1]."""
    start = normal(0, stream=Stream.SAMPLE, counter=1, shape=(videos, 1, 3, 1, 1))
    slope = normal(0, stream=Stream.SAMPLE, counter=2, shape=(videos, 1, 3, 1, 1))
    return start + 0.2 * slope * torch.arange(8).view(1, -1, 1, 1, 1)


def small_task(
    folder: Path,
    *,
    dies_at: int = -1,
    conditioning: Conditioning = "none",
    width: int = 8,
    **train: object,
) -> TrainTask:
    values = small_conditioning(conditioning)
    spec = replace(TrainSpec(steps=30, batch=8, warmup_steps=4), **train)
    return TrainTask(
        model=small_model(conditioning, width=width),
        objective=FlowSpec(condition_frames=2),
        train=spec,
        seed=5,
        latents=MortalSet(small_latents(), dies_at=dies_at),
        checkpoints=folder / "checkpoints",
        metrics=folder / "metrics.jsonl",
        checkpoint_every=7,
        log_every=5,
        conditioning=None if values is None else SmallConditioning(values),
    )
