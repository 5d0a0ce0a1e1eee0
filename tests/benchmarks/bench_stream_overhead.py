"""Seconds of a step whose videos Ray Data brings straight from the simulator ÷ of one that finds
them in memory, at 64 and 128 px.

Raw pixels, 32 frames: nothing is encoded, so the stream has the most bytes to bring. The step
(draw, forward, backward, clip, AdamW, average) runs on one thread, the data task on the other core.
Rounds alternate; each opens a stream of its own. Its first batch is the start of a run, told apart
in the note; every later wait, copy and conversion counts. In memory lie float32 frames, ready for
the model."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from physscale.codec.kinds import PixelSpec
from physscale.codec.pixels import PixelCodec
from physscale.flow.flow_spec import FlowSpec
from physscale.model.dit_spec import DiTSpec
from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.data import Tasks, videos
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.run.context import PlainContext
from physscale.run.cost import latent_shape
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.run.training_data import StreamedLatents, training_latents
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.spec import DataSpec
from physscale.train.latents import LatentSource
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import TrainState, begin, train_step
from tests.tiny import tiny_run

VIDEOS, FRAMES, BATCH, STEPS, ROUNDS = 32, 32, 4, 6, 5
PATCH = {64: 8, 128: 16}
"""512 tokens at either size."""


@dataclass(frozen=True)
class FromRay(PlainContext):
    """The surroundings of a run whose data task has a CPU of its own."""

    def videos(
        self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]
    ) -> Iterator[Videos]:
        return videos(data, canvas=canvas, batches=batches, tasks=Tasks(1.0))


def run() -> dict[str, Any]:
    """Ratio: the worse of the two sizes."""
    torch.set_num_threads(1)
    found = {}
    with cluster():
        for size_px in PATCH:
            found[size_px] = measured(size_px)
    worst = max(found, key=lambda size_px: found[size_px].ratio)
    sizes = "; ".join(
        f"{size} px: {one.ratio:.3f}, {1e3 * one.held_s:.0f} ms a step in memory, first "
        f"{one.first_s:.1f} s"
        for size, one in found.items()
    )
    held_s = found[worst].held_s
    return {
        "name": "stream_overhead",
        "ours": 1e3 * held_s * found[worst].ratio,
        "peer": 1e3 * held_s,
        "ratio": found[worst].ratio,
        "unit": "ms/step",
        "note": f"ours ÷ in memory, goal 1.05; {sizes}",
    }


@dataclass(frozen=True)
class Measured:
    ratio: float
    held_s: float
    first_s: float


def measured(size_px: int) -> Measured:
    spec = run_of(size_px)
    state = begin(spec.model, train=spec.train, shape=latent_shape(spec), seed=0, device="cpu")
    held = training_latents(spec, codec=PixelCodec(), context=PlainContext())
    streamed = StreamedLatents(spec, PixelCodec(), FromRay())
    lap(state, held, spec=spec, first=0)
    pairs, firsts_s = [], []
    for turn in range(ROUNDS):
        one = {}
        for source in (held, streamed) if turn % 2 else (streamed, held):
            one[type(source)] = lap(state, source, spec=spec, first=turn * STEPS)
        firsts_s.append(one[StreamedLatents][0])
        pairs.append((median(one[StreamedLatents][1]), median(one[type(held)][1])))
    return Measured(
        median(ours / peer for ours, peer in pairs),
        held_s=median(peer for _, peer in pairs),
        first_s=median(firsts_s),
    )


def lap(
    state: TrainState, source: LatentSource, *, spec: RunSpec, first: int
) -> tuple[float, list[float]]:
    """Seconds to the first batch, and of each step after the first with the wait for its batch."""
    batches = source.batches(first, seed=0, batch=BATCH, workers=Workers())
    begun = time.perf_counter()
    step(state, next(batches), spec=spec)
    first_s, seconds = time.perf_counter() - begun, []
    for _ in range(STEPS):
        begun = time.perf_counter()
        step(state, next(batches), spec=spec)
        seconds.append(time.perf_counter() - begun)
    return first_s, seconds


def step(state: TrainState, x0: Tensor, *, spec: RunSpec) -> None:
    objective = spec.objective.build()
    train_step(state, x0, seed=0, train=spec.train, objective=objective, workers=Workers())


def run_of(size_px: int) -> RunSpec:
    """32 different videos, seen again and again in ever new order."""
    tiny = tiny_run()
    return replace(
        tiny,
        data=DataSpec(scenario=Collision(), videos=VIDEOS, frames=FRAMES),
        canvas=Canvas(size_px=size_px),
        codec=CodecRecipe(spec=PixelSpec(), corpus=tiny.codec.corpus),
        model=DiTSpec(width=256, depth=6, heads=4, patch=PATCH[size_px], time_patch=4),
        objective=FlowSpec(),
        train=TrainSpec(steps=10_000, batch=BATCH, optimiser="adamw", learning_rate=1e-4),
    )
