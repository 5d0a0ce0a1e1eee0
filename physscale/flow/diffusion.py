"""Diffusion as an objective (`flow/objective.py`): denoise all frames of a video at once.

Held-out errors are measured with common random numbers, which makes them the least noisy numbers to
fit a scaling curve on. Every model meets the same noise on the same video (a function of the
video's index alone), at fixed times. At t = 1 nothing of the future is left in x_t, so the error
there is that of the prediction from the given frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from physscale.flow.condition import model_input
from physscale.flow.flow_spec import HELD_OUT_TIMES, FlowSpec
from physscale.flow.loss import denoise, squared_errors, training_loss
from physscale.flow.noise import Stream, generator, normal
from physscale.flow.objective import HeldOutErrors, Network, Part, ProbeInput
from physscale.flow.path import path_at, shifted, stratified_times
from physscale.flow.sample import sample

__all__ = ["Diffusion", "NoisyShare", "held_out_errors"]

COMMON_SEED = 0
"""The same for all runs, whatever their seed: common random numbers."""


@dataclass(frozen=True)
class NoisyShare:
    """A worker's videos of a step with their noise and times (`objective.Share`).
    `scored_frames` is the number of frames that the loss is divided by; None: a plain mean."""

    flow: FlowSpec
    x0: Float[Tensor, "share time channels height width"]
    noise: Float[Tensor, "share time channels height width"]
    t: Float[Tensor, " share"]
    dropped: Bool[Tensor, " share"] | None
    scored_frames: float | None
    conditioning: Tensor | None = None

    def loss(self, model: Network, *, rows: slice) -> Float[Tensor, ""]:
        return training_loss(
            model,
            self.x0[rows],
            noise=self.noise[rows],
            t=self.t[rows],
            flow=self.flow,
            conditioning=None if self.conditioning is None else self.conditioning[rows],
            dropped=None if self.dropped is None else self.dropped[rows],
            scored_frames=self.scored_frames,
        )


@dataclass(frozen=True)
class Diffusion:
    """A flow at work."""

    flow: FlowSpec

    def draw(
        self,
        x0: Float[Tensor, "share time channels height width"],
        *,
        part: Part,
        conditioning: Tensor | None = None,
    ) -> NoisyShare:
        """Draw times and noise, and choose the videos whose given frames are dropped."""
        flow, rows, batch = self.flow, part.rows, part.batch
        uniform = generator(part.seed, stream=Stream.TIMES, counter=part.step).random(batch)
        t = shifted(stratified_times(uniform), shift=flow.shift)[rows].to(x0.device)
        noise = part.normal(tuple(x0.shape[1:]), device=x0.device)
        if not flow.condition_dropout and part.whole:
            return NoisyShare(
                flow, x0, noise, t, dropped=None, scored_frames=None, conditioning=conditioning
            )
        coins = generator(part.seed, stream=Stream.DROPPED, counter=part.step).random(batch)
        chosen = coins < flow.condition_dropout
        frames = batch * (x0.shape[1] - flow.condition_frames)
        frames += flow.condition_frames * int(np.count_nonzero(chosen))
        dropped = torch.from_numpy(chosen)[rows].to(x0.device) if flow.condition_dropout else None
        return NoisyShare(
            flow,
            x0,
            noise,
            t,
            dropped,
            scored_frames=frames / part.world,
            conditioning=conditioning,
        )

    def held_out(
        self,
        model: Network,
        latents: Float[Tensor, "batch time channels height width"],
        *,
        indices: Sequence[int],
        conditioning: Tensor | None = None,
    ) -> HeldOutErrors:
        """At t = 1, and the mean over `HELD_OUT_TIMES`."""
        errors = held_out_errors(
            model, latents, flow=self.flow, indices=indices, conditioning=conditioning
        )
        return HeldOutErrors(from_given=errors[:, -1], as_trained=errors.mean(dim=1))

    def sample(
        self,
        model: Network,
        *,
        given: Float[Tensor, "batch given channels height width"],
        frames: int,
        indices: Sequence[int],
        seed: int,
        conditioning: Tensor | None = None,
    ) -> Float[Tensor, "batch time channels height width"]:
        return sample(
            model,
            given=given,
            frames=frames,
            indices=indices,
            flow=self.flow,
            seed=seed,
            conditioning=conditioning,
        )

    def probe_input(
        self,
        latents: Float[Tensor, "batch time channels height width"],
        *,
        indices: Sequence[int],
    ) -> ProbeInput:
        """Pure noise behind the given frames."""
        noise = common_noise(latents, indices=indices)
        inputs = model_input(noise, clean=latents, condition_frames=self.flow.condition_frames)
        return ProbeInput(
            inputs=inputs, t=latents.new_ones(len(latents)), frame=latents.shape[1] - 1
        )


@torch.no_grad()
def held_out_errors(
    model: Network,
    latents: Float[Tensor, "batch time channels height width"],
    *,
    flow: FlowSpec,
    indices: Sequence[int],
    conditioning: Tensor | None = None,
) -> Float[Tensor, "batch times"]:
    """Mean squared error of the predicted x0 on the generated frames of each video, at each of
    `HELD_OUT_TIMES`."""
    noise, errors = common_noise(latents, indices=indices), []
    for time in HELD_OUT_TIMES:
        t = latents.new_full((len(latents),), time)
        x_t = path_at(t.view(-1, 1, 1, 1, 1), name=flow.path).mix(latents, noise=noise)
        clean = denoise(model, x_t, t=t, given=latents, flow=flow, conditioning=conditioning)
        errors.append(squared_errors(clean, x0=latents, condition_frames=flow.condition_frames))
    return torch.stack(errors, dim=1)


def common_noise(
    latents: Float[Tensor, "batch time channels height width"], *, indices: Sequence[int]
) -> Float[Tensor, "batch time channels height width"]:
    """Each video's own noise, the same for all models."""
    shape = tuple(latents.shape[1:])
    return torch.stack(
        [
            normal(COMMON_SEED, stream=Stream.HELD_OUT, counter=int(index), shape=shape)
            for index in indices
        ]
    ).to(latents)
