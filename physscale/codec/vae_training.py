"""Training of the video VAE on reconstruction and divergence and, if the recipe says so, a
perceptual distance and two discriminators.

loss = |x' - x|_1 + |x' - x|^2 + kl_weight KL + perceptual_weight P(x', x) + adversary_weight (2-D
and 3-D PatchGAN)

as in arXiv 2112.10752 and 2411.02385.

The corpus has no motion: the frames of a clip are independent stills. So the layers that look back
find nothing to rely on, and the codec cannot favour trained speeds. Every random draw is a function
of (seed, step): training again gives the same weights."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.codec.patchgan import Adversaries
from physscale.codec.pixels import to_signed
from physscale.codec.spec import Report
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae import VideoVae
from physscale.codec.vae_codec import VaeCodec, normalised
from physscale.codec.vae_spec import VaeSpec
from physscale.flow.noise import Stream, generator, normal, torch_seed
from physscale.records.errors import Diverged, UserError

__all__ = ["VaeStep", "fit_vae", "fresh_vae", "vae_steps"]

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""Maps two batches of frames f32[n, 3, H, W] in -1..1 to their mean distance."""


@dataclass(frozen=True)
class VaeStep:
    """The parts of a step's loss, before their weights."""

    step: int
    reconstruction: float
    divergence: float
    perceptual: float
    adversary: float


def fit_vae(
    vae: VideoVae,
    *,
    stills: UInt8[np.ndarray, "stills height width 3"],
    training: VaeTraining,
    perceptual: Perceptual | None = None,
    report: Report | None = None,
) -> VaeCodec:
    """Train to the end, report every step, and measure shift and scale of the latents on the
    corpus. Raises Diverged before a step whose loss is not finite."""
    for step in vae_steps(vae, stills=stills, training=training, perceptual=perceptual):
        if report is not None:
            parts = {name: value for name, value in asdict(step).items() if name != "step"}
            report(step.step + 1, training.steps, parts)
    return normalised(vae, stills=stills)


def vae_steps(
    vae: VideoVae,
    *,
    stills: UInt8[np.ndarray, "stills height width 3"],
    training: VaeTraining,
    perceptual: Perceptual | None = None,
) -> Iterator[VaeStep]:
    """Trains in place, one step per item."""
    if perceptual is None and training.perceptual_weight:
        raise UserError(
            f"vae perceptual_weight={training.perceptual_weight}: name the weights of a "
            "perceptual distance, or set it to 0"
        )
    adam = torch.optim.Adam(vae.parameters(), lr=training.learning_rate, betas=(0.9, 0.99))
    device = next(vae.parameters()).device
    both = Adversaries.create(training, device=device) if training.adversary_weight else None
    for step in range(training.steps):
        for group in adam.param_groups:
            group["lr"] = training.learning_rate * _schedule(training, step=step)
        frames = clips(stills, training=training, step=step).to(device)
        posterior = vae.encode(frames)
        noise = normal(
            training.seed, stream=Stream.NOISE, counter=step, shape=tuple(posterior.mean.shape)
        )
        rebuilt = vae.decode(posterior.draw(noise.to(frames)))
        error = rebuilt - frames
        nothing = error.new_zeros(())
        adversaries = both if step >= training.adversary_from else None
        parts = {
            "reconstruction": error.abs().mean() + error.square().mean(),
            "divergence": posterior.divergence(),
            "perceptual": perceptual(rebuilt.flatten(0, 1), frames.flatten(0, 1))
            if perceptual is not None and training.perceptual_weight
            else nothing,
            "adversary": adversaries.generator_loss(rebuilt) if adversaries else nothing,
        }
        loss = (
            parts["reconstruction"]
            + training.kl_weight * parts["divergence"]
            + training.perceptual_weight * parts["perceptual"]
            + training.adversary_weight * parts["adversary"]
        )
        if not math.isfinite(loss.item()):
            raise Diverged(f"vae step {step}: loss {loss.item()}")
        adam.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(vae.parameters(), training.clip_norm)
        adam.step()
        if adversaries is not None:
            adversaries.learn(frames, rebuilt.detach())
        yield VaeStep(step, **{name: part.item() for name, part in parts.items()})


def _schedule(training: VaeTraining, *, step: int) -> float:
    """The share of the learning rate: a linear warm-up, under half a cosine."""
    warmup = (step + 1) / max(training.warmup_steps, 1)
    return min(warmup, 0.5 * (1 + math.cos(math.pi * step / training.steps)))


def clips(
    stills: UInt8[np.ndarray, "stills height width 3"], *, training: VaeTraining, step: int
) -> Float[Tensor, "batch time 3 height width"]:
    """The clips of one step, `batch` of `frames` stills each; every frame is drawn on its own."""
    shape = (training.batch, training.frames)
    chosen = generator(training.seed, stream=Stream.ORDER, counter=step).integers(
        len(stills), size=shape
    )
    return to_signed(stills[chosen])


def fresh_vae(spec: VaeSpec, *, seed: int) -> VideoVae:
    """A VAE whose random weights are a function of the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, stream=Stream.WEIGHTS).initial_seed())
        return VideoVae(spec)
