"""One training step of the video VAE, and all that it changes.

All random draws are functions of (seed, step) and belong to the whole batch. So workers and parts
of the batch change a result by rounding only."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from physscale.codec.patchgan import Adversaries
from physscale.codec.pixels import to_signed
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae import VideoVae
from physscale.codec.vae_blocks import Attention, Downsample, ResBlock, Upsample
from physscale.flow.noise import Stream, generator, normal
from physscale.records.errors import Diverged
from physscale.train.parallel import Workers

__all__ = ["Perceptual", "VaeState", "VaeStep", "loss_of", "recomputed", "vae_step"]

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""Maps two batches of frames f32[n, 3, H, W] in -1..1 to their mean distance."""

Stills = UInt8[np.ndarray, "stills height width 3"]


@dataclass(frozen=True)
class VaeStep:
    """The parts of a step's loss, before their weights."""

    step: int
    reconstruction: float
    divergence: float
    perceptual: float
    adversary: float


@dataclass
class VaeState:
    """What a step changes; `step` steps are done."""

    vae: VideoVae
    adam: torch.optim.Adam
    adversaries: Adversaries | None
    step: int = 0

    @staticmethod
    def begin(vae: VideoVae, *, training: VaeTraining) -> "VaeState":
        """Before step 0; `vae` is on its device."""
        device = next(vae.parameters()).device
        return VaeState(
            vae,
            torch.optim.Adam(vae.parameters(), lr=training.learning_rate, betas=(0.9, 0.99)),
            Adversaries.create(training, device=device) if training.adversary_weight else None,
        )


@contextmanager
def recomputed(vae: VideoVae, *, training: VaeTraining) -> Iterator[None]:
    """Each layer keeps its input only and runs again in the backward pass, if the training says
    so (arXiv 1604.06174)."""
    kinds = (ResBlock, Attention, Downsample, Upsample)
    layers: list[Any] = [layer for layer in vae.modules() if isinstance(layer, kinds)]
    if training.recompute == "none":
        layers = []
    for layer in layers:
        layer.forward = partial(
            checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False
        )
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def vae_step(
    state: VaeState,
    *,
    stills: Stills,
    training: VaeTraining,
    workers: Workers,
    perceptual: Perceptual | None,
) -> VaeStep:
    """Learn from this worker's share of the step's batch. Every worker calls it.

    Raises:
        Diverged: with no weight changed, on a loss or gradient that is not finite.
    """
    step, vae = state.step, state.vae
    adversaries = state.adversaries if step >= training.adversary_from else None
    state.adam.zero_grad()
    if adversaries is not None:
        adversaries.adam.zero_grad()
    seen = next(vae.parameters()).new_zeros(5)
    for rows in _portions(training, workers=workers):
        share = (rows.stop - rows.start) * workers.world / training.batch
        frames = clips(stills, training=training, step=step, rows=rows).to(seen.device)
        losses, rebuilt = loss_of(
            vae,
            frames,
            rows=rows,
            step=step,
            training=training,
            perceptual=perceptual,
            adversaries=adversaries,
        )
        torch.autograd.backward(share * losses[-1])
        seen += share * losses.detach()
        if adversaries is not None:
            adversaries.learn(frames, rebuilt.detach(), share=share)
    workers.average(seen)
    average_gradients(vae, workers=workers)
    norm = torch.nn.utils.clip_grad_norm_(vae.parameters(), training.clip_norm)
    *parts, loss, length = [*seen.tolist(), norm.item()]
    if not (math.isfinite(loss) and math.isfinite(length)):
        raise Diverged(f"vae step {step}: loss {loss}, gradient norm {length}")
    for group in state.adam.param_groups:
        group["lr"] = training.learning_rate * _schedule(training, step=step)
    state.adam.step()
    if adversaries is not None:
        for network in (adversaries.frames, adversaries.clips):
            average_gradients(network, workers=workers)
        adversaries.adam.step()
    state.step += 1
    return VaeStep(step, *parts)


def loss_of(
    vae: VideoVae,
    frames: Float[Tensor, "clips time 3 height width"],
    *,
    rows: slice,
    step: int,
    training: VaeTraining,
    perceptual: Perceptual | None,
    adversaries: Adversaries | None,
) -> tuple[Float[Tensor, " 5"], Tensor]:
    """The four parts of the loss of these clips and their weighted sum, and the rebuilt clips."""
    with torch.autocast(
        frames.device.type, dtype=torch.bfloat16, enabled=training.precision == "bf16"
    ):
        posterior = vae.encode(frames)
        noise = normal(
            training.seed,
            stream=Stream.NOISE,
            counter=step,
            shape=(training.batch, *posterior.mean.shape[1:]),
        )
        rebuilt = vae.decode(posterior.draw(noise[rows].to(frames)))
    error = rebuilt - frames
    nothing = error.new_zeros(())
    reconstruction = error.abs().mean() + error.square().mean()
    divergence = posterior.divergence()
    distance = (
        perceptual(rebuilt.flatten(0, 1), frames.flatten(0, 1))
        if perceptual is not None and training.perceptual_weight
        else nothing
    )
    adversary = adversaries.generator_loss(rebuilt) if adversaries else nothing
    loss = (
        reconstruction
        + training.kl_weight * divergence
        + training.perceptual_weight * distance
        + training.adversary_weight * adversary
    )
    return torch.stack((reconstruction, divergence, distance, adversary, loss)), rebuilt


def _portions(training: VaeTraining, *, workers: Workers) -> list[slice]:
    """This worker's rows of the batch, in `accumulate` parts. A worker beyond the batch has none
    and adds nothing."""
    first, last = ((workers.rank + end) * training.batch // workers.world for end in (0, 1))
    cuts = [
        first + part * (last - first) // training.accumulate
        for part in range(training.accumulate + 1)
    ]
    return [slice(start, stop) for start, stop in pairwise(cuts) if start < stop]


def average_gradients(network: torch.nn.Module, *, workers: Workers) -> None:
    """Mean over the workers, in one message; a worker without rows has gradients of zero."""
    if workers.world == 1:
        return
    parameters = list(network.parameters())
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    workers.average(flat)
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def _schedule(training: VaeTraining, *, step: int) -> float:
    """The share of the learning rate: a linear warm-up, under half a cosine."""
    warmup = (step + 1) / max(training.warmup_steps, 1)
    return min(warmup, 0.5 * (1 + math.cos(math.pi * step / training.steps)))


def clips(
    stills: Stills, *, training: VaeTraining, step: int, rows: slice
) -> Float[Tensor, "rows time 3 height width"]:
    """These rows of a step's clips, `batch` of `frames` stills each; every frame is drawn on its
    own."""
    shape = (training.batch, training.frames)
    chosen = generator(training.seed, stream=Stream.ORDER, counter=step).integers(
        len(stills), size=shape
    )
    return to_signed(stills[chosen[rows]])
