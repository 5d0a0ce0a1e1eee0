"""Training of the video VAE on reconstruction and divergence and, if the recipe says so, a
perceptual distance and two discriminators.

loss = |x' - x|_1 + |x' - x|^2 + kl_weight KL + perceptual_weight P(x', x) + adversary_weight (2-D
and 3-D PatchGAN)

as in arXiv 2112.10752 and 2411.02385.

The corpus has no motion: the frames of a clip are independent stills. So the layers that look back
find nothing to rely on, and the codec cannot favour trained speeds. Every random draw is a function
of (seed, step): training again gives the same weights, also after a kill."""

import time
from collections.abc import Iterator
from dataclasses import asdict

import torch

from physscale.codec.spec import Report
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae import VideoVae
from physscale.codec.vae_checkpoint import Saving, digest, resume, save
from physscale.codec.vae_codec import VaeCodec, normalised
from physscale.codec.vae_spec import VaeSpec
from physscale.codec.vae_step import (
    Perceptual,
    Stills,
    VaeState,
    VaeStep,
    recomputed,
    vae_step,
)
from physscale.flow.noise import Stream, torch_seed
from physscale.records.errors import Preempted, UserError
from physscale.train.context import ALONE, Context
from physscale.train.parallel import Workers

__all__ = ["fit_vae", "fresh_vae", "vae_steps"]


def fit_vae(
    vae: VideoVae,
    *,
    stills: Stills,
    training: VaeTraining,
    perceptual: Perceptual | None = None,
    report: Report | None = None,
    context: Context = ALONE,
    saving: Saving | None = None,
) -> VaeCodec:
    """Train to the end, report every step, and measure shift and scale of the latents on the
    corpus. Every worker calls it. Raises what `vae_steps` does."""
    steps = vae_steps(
        vae,
        stills=stills,
        training=training,
        perceptual=perceptual,
        context=context,
        saving=saving,
    )
    for step in steps:
        if report is not None:
            parts = {name: value for name, value in asdict(step).items() if name != "step"}
            report(step.step + 1, training.steps, parts)
    return normalised(vae, stills=stills)


def vae_steps(
    vae: VideoVae,
    *,
    stills: Stills,
    training: VaeTraining,
    perceptual: Perceptual | None = None,
    context: Context = ALONE,
    saving: Saving | None = None,
) -> Iterator[VaeStep]:
    """Trains in place, one step per item, from the newest checkpoint on.

    Raises:
        DamagedData: when workers begin with different weights.
        Diverged: before a step whose loss or gradient is not finite.
        Preempted: when the context asks to stop, after a checkpoint.
        UserError: for a perceptual weight without a distance.
    """
    if perceptual is None and training.perceptual_weight:
        raise UserError(
            f"vae perceptual_weight={training.perceptual_weight}: name the weights of a "
            "perceptual distance, or set it to 0"
        )
    workers = Workers(rank=context.rank, world=context.world)
    state = VaeState.begin(vae, training=training)
    if saving is not None:
        resume(state, saving, training=training, workers=workers)
    if workers.world > 1:
        workers.check_same(digest(state), what=f"codec training: weights at step {state.step}")
    since_s, resumed = time.monotonic(), state.step
    with recomputed(vae, training=training):
        while state.step < training.steps:
            due = (
                saving is not None
                and state.step > resumed
                and saving.due(step=state.step, since_s=since_s)
            )
            votes = workers.gathered(bytes([context.stop_requested(), due]))
            stopping = any(vote[0] for vote in votes)
            if saving is not None and (stopping or votes[0][1]):
                save(state, saving, training=training, workers=workers)
                since_s = time.monotonic()
            if stopping:
                raise Preempted(
                    f"codec training stopped after step {state.step} of {training.steps}; run "
                    "again to go on"
                )
            yield vae_step(
                state, stills=stills, training=training, workers=workers, perceptual=perceptual
            )


def fresh_vae(spec: VaeSpec, *, seed: int) -> VideoVae:
    """A VAE whose random weights are a function of the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, stream=Stream.WEIGHTS).initial_seed())
        return VideoVae(spec)
