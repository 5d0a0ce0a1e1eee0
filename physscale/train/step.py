"""One training step, and all that it changes."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from physscale.flow.loss import training_loss
from physscale.flow.noise import Stream, batch_normal, generator, torch_seed
from physscale.flow.path import shifted, stratified_times
from physscale.flow.spec import FlowSpec
from physscale.model.dit import DiT
from physscale.model.spec import DiTSpec
from physscale.records.errors import Diverged, UserError
from physscale.records.latent_shape import LatentShape
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec, learning_rate_factor
from physscale.train.weights import Weights, WholeWeights
from physscale.train.wrap import rate_factors, wrap

__all__ = ["StepResult", "TrainState", "begin", "train_step"]

ALONE = Workers()


@dataclass
class TrainState:
    """`step` steps are done; `losses` [steps] holds theirs. Everything else that a step changes is
    in `weights`."""

    model: DiT
    weights: Weights
    losses: Float[Tensor, " steps"]
    step: int = 0


@dataclass(frozen=True)
class StepResult:
    loss: float
    gradient_norm: float


@dataclass(frozen=True)
class Share:
    """A worker's part of a step's global batch: all that the loss is a function of, besides the
    model."""

    x0: Float[Tensor, "share time channels height width"]
    noise: Float[Tensor, "share time channels height width"]
    t: Float[Tensor, " share"]
    dropped: Bool[Tensor, " share"] | None
    scored_frames: float | None
    conditioning: Tensor | None = None

    def loss(self, model: DiT, *, flow: FlowSpec, rows: slice) -> Float[Tensor, ""]:
        dropped = None if self.dropped is None else self.dropped[rows]
        conditioning = None if self.conditioning is None else self.conditioning[rows]
        noise, t, judged = self.noise[rows], self.t[rows], self.scored_frames
        return training_loss(
            model,
            self.x0[rows],
            noise=noise,
            t=t,
            flow=flow,
            conditioning=conditioning,
            dropped=dropped,
            scored_frames=judged,
        )


def begin(
    spec: DiTSpec,
    *,
    train: TrainSpec,
    shape: LatentShape,
    seed: int,
    device: str,
    workers: Workers = ALONE,
) -> TrainState:
    """A fresh model, its weights a function of the seed, before step 0. Every worker calls it."""
    model = DiT(spec, shape=shape)
    model.initialise(torch_seed(seed, stream=Stream.WEIGHTS))
    rates = rate_factors(model, train=train)
    wrap(model, train=train)
    weights: Weights
    if train.parallel == "fsdp" and workers.world > 1:
        from physscale.train.sharded import ShardedWeights  # half a second to load

        weights = ShardedWeights.of(model, spec=train, rates=rates, workers=workers, device=device)
    else:
        weights = WholeWeights.of(model.to(device), spec=train, rates=rates)
    return TrainState(model, weights, losses=torch.zeros(train.steps))


def train_step(
    state: TrainState,
    x0: Float[Tensor, "share time channels height width"],
    *,
    seed: int,
    train: TrainSpec,
    flow: FlowSpec,
    workers: Workers,
    conditioning: Tensor | None = None,
) -> StepResult:
    """Learn from this worker's share of the step's global batch, and what the model is told of it
    (`model/conditioning_spec.py`).

    Raises:
        Diverged: with nothing changed, on a loss that is not finite.
    """
    share = replace(
        drawn(x0, step=state.step, seed=seed, train=train, flow=flow, workers=workers),
        conditioning=conditioning,
    )
    weights = state.weights
    weights.zero_gradients()
    loss = backward(state.model, share, train=train, flow=flow)
    weights.average_gradients(workers)
    workers.average(loss)
    taken = StepResult(loss=float(loss), gradient_norm=weights.gradient_norm())
    if not (math.isfinite(taken.loss) and math.isfinite(taken.gradient_norm)):
        raise Diverged(f"step {state.step}: loss {taken.loss}, gradient norm {taken.gradient_norm}")

    if taken.gradient_norm > train.clip_norm:
        weights.scale_gradients(train.clip_norm / taken.gradient_norm)
    weights.update(step=state.step, factor=learning_rate_factor(train, step=state.step))
    state.losses[state.step] = taken.loss
    state.step += 1
    return taken


def drawn(
    x0: Float[Tensor, "share time channels height width"],
    *,
    step: int,
    seed: int,
    train: TrainSpec,
    flow: FlowSpec,
    workers: Workers,
) -> Share:
    """What chance adds to the videos of this step: functions of (seed, step, place in the global
    batch), so that neither the number of workers nor that of parts changes them."""
    rows = workers.rows(train.batch)
    uniform = generator(seed, stream=Stream.TIMES, counter=step).random(train.batch)
    t = shifted(stratified_times(uniform), shift=flow.shift)[rows].to(x0.device)
    shape = tuple(x0.shape[1:])
    noise = batch_normal(
        seed, stream=Stream.NOISE, counter=step, rows=rows, batch=train.batch, shape=shape
    ).to(x0.device)
    if not flow.condition_dropout and train.accumulate == 1 and workers.deals_evenly(train.batch):
        return Share(x0, noise, t, dropped=None, scored_frames=None)
    kept_back = (
        generator(seed, stream=Stream.DROPPED, counter=step).random(train.batch)
        < flow.condition_dropout
    )
    frames = train.batch * (x0.shape[1] - flow.condition_frames) + flow.condition_frames * int(
        np.count_nonzero(kept_back)
    )
    dropped = torch.from_numpy(kept_back)[rows].to(x0.device) if flow.condition_dropout else None
    return Share(x0, noise, t, dropped, scored_frames=frames / workers.world)


def backward(model: DiT, share: Share, *, train: TrainSpec, flow: FlowSpec) -> Float[Tensor, ""]:
    """Gradients of the share, part by part; its loss."""
    videos, parts = len(share.x0), train.accumulate
    if videos < parts:
        raise UserError(
            f"train accumulate={parts}: must be at most the {videos} videos of a worker's share "
            "of the batch"
        )
    losses = []
    for part in range(parts):
        rows = slice(part * videos // parts, (part + 1) * videos // parts)
        with torch.autocast(
            share.x0.device.type, dtype=torch.bfloat16, enabled=train.precision == "bf16"
        ):
            loss = share.loss(model, flow=flow, rows=rows)
        torch.autograd.backward(loss)
        losses.append(loss.detach())
    return losses[0] if parts == 1 else torch.stack(losses).sum()
