"""One training step, and all that it changes."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.loss import training_loss
from physscale.flow.noise import Stream, generator, normal, torch_seed
from physscale.flow.path import shifted, stratified_times
from physscale.flow.spec import FlowSpec
from physscale.model.dit import DiT
from physscale.model.spec import DiTSpec, LatentShape
from physscale.train.ema import average
from physscale.train.flat import FlatParameters, flatten
from physscale.train.optim import Optimiser
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec, learning_rate_factor
from physscale.train.stop import Diverged

__all__ = ["StepFacts", "TrainState", "begin", "train_step"]


@dataclass
class TrainState:
    """`step` steps are done; `losses` [steps] holds theirs. Everything else lives in vectors of one layout (`flat`)."""

    model: DiT
    flat: FlatParameters
    optimiser: Optimiser
    ema: Float[Tensor, " total"]
    losses: Float[Tensor, " steps"]
    step: int = 0


@dataclass(frozen=True)
class StepFacts:
    loss: float
    gradient_norm: float


def begin(spec: DiTSpec, *, train: TrainSpec, shape: LatentShape, seed: int, device: str) -> TrainState:
    """A fresh model, its weights a function of the seed, before step 0."""
    model = DiT(spec, shape=shape)
    model.initialise(torch_seed(seed, stream=Stream.WEIGHTS))
    flat = flatten(model.to(device))
    return TrainState(model, flat, Optimiser.create(train, flat=flat), ema=flat.values.clone(), losses=torch.zeros(train.steps))


def train_step(
    state: TrainState,
    x0: Float[Tensor, "share time channels height width"],
    *,
    seed: int,
    train: TrainSpec,
    flow: FlowSpec,
    workers: Workers,
) -> StepFacts:
    """Learn from this worker's share of the step's global batch. Raises Diverged, with nothing changed, on a loss that is not finite."""
    rows = workers.rows(train.batch)
    uniform = generator(seed, stream=Stream.TIMES, counter=state.step).random(train.batch)
    t = shifted(stratified_times(uniform), shift=flow.shift)[rows].to(x0.device)
    noise = normal(seed, stream=Stream.NOISE, counter=state.step, shape=(train.batch, *x0.shape[1:]))[rows].to(x0.device)

    state.flat.gradients.zero_()
    withheld = None
    if flow.condition_dropout:
        draws = generator(seed, stream=Stream.WITHHELD, counter=state.step).random(train.batch)
        withheld = torch.from_numpy(draws < flow.condition_dropout)[rows].to(x0.device)
    loss = training_loss(state.model, x0, noise=noise, t=t, flow=flow, withheld=withheld)
    torch.autograd.backward(loss)
    loss = loss.detach()
    workers.average(state.flat.gradients)
    workers.average(loss)
    facts = StepFacts(loss=float(loss), gradient_norm=float(torch.linalg.vector_norm(state.flat.gradients)))
    if not (math.isfinite(facts.loss) and math.isfinite(facts.gradient_norm)):
        raise Diverged(f"step {state.step}: loss {facts.loss}, gradient norm {facts.gradient_norm}")

    if facts.gradient_norm > train.clip_norm:
        state.flat.gradients.mul_(train.clip_norm / facts.gradient_norm)
    state.optimiser.update(step=state.step, factor=learning_rate_factor(train, step=state.step))
    average(state.ema, values=state.flat.values, step=state.step, decay=train.ema_decay)
    state.losses[state.step] = facts.loss
    state.step += 1
    return facts
