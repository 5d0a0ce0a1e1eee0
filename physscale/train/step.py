"""One training step, and all that it changes."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from physscale.flow.noise import Stream, torch_seed
from physscale.flow.objective import Objective, Part, Share
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape
from physscale.train.guard import Guard
from physscale.train.parallel import ALONE, Workers, digest_of
from physscale.train.spec import TrainSpec, check_optimiser, learning_rate_factor
from physscale.train.weights import Weights, WholeWeights
from physscale.train.wrap import as_computed_on, rate_factors, wrap

__all__ = [
    "StepResult",
    "TrainState",
    "backward",
    "begin",
    "learn",
    "part_of",
    "products",
    "train_step",
]

FUSED = [
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
]


@dataclass
class TrainState:
    """`step` steps are done; `losses` [steps], on the device, holds theirs. Everything else that a
    step changes is in `weights`. Once `guard` holds a step that is not finite, nothing changes any
    more: ask `guard.check` before the state is used.

    `origin` is the SHA-256 of the whole state that this worker built or read before any of it was
    cut into shards: equal on all workers. One worker alone has none."""

    spec: BackboneSpec
    model: Backbone
    weights: Weights
    losses: Float[Tensor, " steps"]
    guard: Guard
    step: int = 0
    origin: bytes = b""


@dataclass(frozen=True)
class StepResult:
    """On the device: whoever reads a number waits for the step."""

    loss: Float[Tensor, ""]
    gradient_norm: Float[Tensor, ""]


def begin(
    spec: BackboneSpec,
    *,
    train: TrainSpec,
    shape: BackboneShape,
    seed: int,
    device: str,
    workers: Workers = ALONE,
) -> TrainState:
    """A fresh model, its weights a function of the seed, before step 0. Every worker calls it.

    Raises:
        UserError: for Muon on a backbone that names no matrices for it.
    """
    check_optimiser(train, backbone=spec, shape=shape)
    model = spec.build(shape)
    model.initialise(torch_seed(seed, stream=Stream.WEIGHTS))
    rates = rate_factors(spec, model=model, train=train)
    origin = digest_of(model.state_dict()) if workers.world > 1 else b""
    wrap(model, train=as_computed_on(device, train=train))
    weights: Weights
    if train.parallel == "fsdp" and workers.world > 1:
        from physscale.train.sharded import ShardedWeights  # half a second to load

        weights = ShardedWeights.of(model, spec=train, rates=rates, workers=workers, device=device)
    else:
        weights = WholeWeights.of(model.to(device), spec=train, rates=rates, workers=workers)
    losses = torch.zeros(train.steps, device=device)
    return TrainState(spec, model, weights, losses, guard=Guard.on(device), origin=origin)


def train_step(
    state: TrainState,
    x0: Float[Tensor, "share time channels height width"],
    *,
    seed: int,
    train: TrainSpec,
    objective: Objective,
    workers: Workers,
    conditioning: Tensor | None = None,
) -> StepResult:
    """Learn from this worker's share of the step's global batch. `conditioning` belongs to the same
    videos (`model/conditioning_spec.py`).

    Raises:
        Diverged: as `learn` does.
    """
    part = part_of(step=state.step, seed=seed, train=train, workers=workers)
    share = objective.draw(x0, part=part, conditioning=conditioning)
    return learn(state, share, train=train, workers=workers)


def learn(state: TrainState, share: Share, *, train: TrainSpec, workers: Workers) -> StepResult:
    """Learn from a worker's share of the step of `state`. On a GPU, the host does not wait for it.

    Raises:
        Diverged: with nothing changed, on a loss or gradient that is not finite; on a GPU when
            `state.guard` is asked.
    """
    weights = state.weights
    weights.zero_gradients()
    loss = backward(state.model, share, train=train, averaging=weights.averaging)
    workers.average(loss)
    taken = StepResult(loss, weights.gradient_norm())
    alive = state.guard.admit(step=state.step, loss=loss, gradient_norm=taken.gradient_norm)
    clipped = (train.clip_norm / taken.gradient_norm.double()).clamp(max=1).float()
    weights.scale_gradients(torch.where(alive > 0, clipped, 0))
    factor = learning_rate_factor(train, step=state.step)
    weights.update(step=state.step, factor=factor, alive=alive)
    state.losses[state.step] = loss
    state.step += 1
    return taken


def part_of(*, step: int, seed: int, train: TrainSpec, workers: Workers) -> Part:
    """Which videos of this step's global batch this worker has."""
    return Part(
        step=step,
        seed=seed,
        batch=train.batch,
        rows=workers.rows(train.batch),
        world=workers.world,
        whole=train.accumulate == 1 and workers.deals_evenly(train.batch),
        noise=train.noise,
    )


def backward(
    model: Backbone,
    share: Share,
    *,
    train: TrainSpec,
    averaging: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Float[Tensor, ""]:
    """Gradients of the share, part by part, the last within `averaging`; its loss."""
    videos, parts = len(share.x0), train.accumulate
    if videos < parts:
        raise UserError(
            f"train accumulate={parts}: must be at most the {videos} videos of a worker's share "
            "of the batch"
        )
    losses = []
    for part, rows in enumerate(_parts(videos, parts=parts)):
        with products(train, device=share.x0.device):
            loss = share.loss(model, rows=rows)
        with averaging() if part + 1 == parts else nullcontext():
            torch.autograd.backward(loss)
        losses.append(loss.detach())
    return losses[0] if parts == 1 else torch.stack(losses).sum()


def loss_of(model: Backbone, share: Share, *, train: TrainSpec) -> Float[Tensor, ""]:
    """The loss of the share, part by part, without gradients."""
    with torch.no_grad(), products(train, device=share.x0.device):
        parts = _parts(len(share.x0), parts=train.accumulate)
        return torch.stack([share.loss(model, rows=rows) for rows in parts]).sum()


def _parts(videos: int, *, parts: int) -> list[slice]:
    return [slice(part * videos // parts, (part + 1) * videos // parts) for part in range(parts)]


@contextmanager
def products(train: TrainSpec, *, device: torch.device) -> Iterator[None]:
    """The precision of the products. On a GPU, attention runs by a fused kernel or raises: torch's
    plain one keeps the whole matrix of logits, and would be chosen without a word."""
    with ExitStack() as stack:
        if device.type == "cuda":
            stack.enter_context(sdpa_kernel(FUSED))
        if train.precision == "bf16":
            stack.enter_context(torch.autocast(device.type, dtype=torch.bfloat16))
        yield
