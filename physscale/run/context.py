"""What a run needs from its backend: what its training needs, and the videos.

Three backends implement it: a plain process (below), a trial of Ray Tune and a worker of Ray Train
(`ray_jobs`). The run itself is one function that knows none of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.scheduling.gpus import Device
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.train import context
from physscale.train.pack import Seat


class Context(context.Context, Protocol):
    """A run's surroundings."""

    @property
    def device(self) -> Device:
        """Where this process computes, as the machine file decided."""
        ...

    def videos(
        self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]
    ) -> Iterator[Videos]:
        """The rows of each batch of indices, with their frames, in order."""
        ...


def stream(data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
    """Videos simulated and rendered in this process, one batch of row indices after the other."""
    for indices in batches:
        videos = simulate(data, indices=indices)
        yield videos.with_pixels(render(videos, canvas=canvas))


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True)
class PlainContext:
    """One process, no scheduler."""

    stop_requested: Callable[[], bool] = never
    rank: int = 0
    world: int = 1
    device: Device = "cpu"
    seat: Seat | None = None

    def videos(
        self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]
    ) -> Iterator[Videos]:
        return stream(data, canvas=canvas, batches=batches)
