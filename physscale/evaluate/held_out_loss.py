"""Held-out denoising loss with common random numbers: the least noisy number to fit a scaling curve
on.

Every model meets the same noise on the same video (a function of the video's index alone), at fixed
times. At t = 1 nothing of the future is left in x_t, so the error there is that of the prediction
from the given frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.loss import Network, denoise, squared_errors
from physscale.flow.noise import Stream, normal
from physscale.flow.path import path_at
from physscale.flow.spec import FlowSpec

__all__ = ["HELD_OUT_TIMES", "HeldOutLoss", "held_out_loss"]

HELD_OUT_TIMES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
COMMON_SEED = 0
"""The same for all runs, whatever their seed: common random numbers."""
VIDEOS_AT_ONCE = 256


@dataclass(frozen=True)
class HeldOutLoss:
    """Mean squared error of the predicted x0 on generated frames, in latent units, of each video at
    each of `HELD_OUT_TIMES`."""

    per_video: Float[Tensor, "batch times"]

    @property
    def at_noise(self) -> Float[Tensor, " batch"]:
        """Of each video at t = 1: the metric `loss`."""
        return self.per_video[:, -1]

    @property
    def grid_mean(self) -> Float[Tensor, " batch"]:
        """Of each video, mean over the times: the metric `loss_grid`."""
        return self.per_video.mean(dim=1)


@torch.no_grad()
def held_out_loss(
    model: Network,
    latents: Float[Tensor, "batch time channels height width"],
    *,
    flow: FlowSpec,
    indices: Sequence[int],
    conditioning: Tensor | None = None,
) -> HeldOutLoss:
    """Errors on latents [B, T, C, H, W] whose row indices are `indices`, each video with its own
    fixed noise; `facts` [B, ...] is what the model is told."""
    parts = []
    for start in range(0, len(latents), VIDEOS_AT_ONCE):
        x0 = latents[start : start + VIDEOS_AT_ONCE]
        chosen = indices[start : start + VIDEOS_AT_ONCE]
        known = (
            None
            if conditioning is None
            else conditioning[start : start + VIDEOS_AT_ONCE].to(x0.device)
        )
        noise = torch.stack(
            [
                normal(
                    COMMON_SEED, stream=Stream.HELD_OUT, counter=int(i), shape=tuple(x0.shape[1:])
                )
                for i in chosen
            ]
        ).to(x0)
        errors = []
        for time in HELD_OUT_TIMES:
            t = x0.new_full((len(x0),), time)
            x_t = path_at(t.view(-1, 1, 1, 1, 1), name=flow.path).mix(x0, noise=noise)
            clean = denoise(model, x_t, t=t, given=x0, flow=flow, conditioning=known)
            errors.append(squared_errors(clean, x0=x0, condition_frames=flow.condition_frames))
        parts.append(torch.stack(errors, dim=1))
    return HeldOutLoss(torch.cat(parts))
