"""Checkpoint and first frames -> generated latents; the noise of a video depends on (seed, its
index) alone."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.condition import keep_given
from physscale.flow.loss import guided
from physscale.flow.noise import Stream, normal
from physscale.flow.path import sampler_times
from physscale.flow.solver import solve
from physscale.flow.spec import FlowSpec
from physscale.records.errors import UserError

__all__ = ["sample"]

VIDEOS_AT_ONCE = 256


@runtime_checkable
class Backbone(Protocol):
    """A network (`flow/loss.py`) that knows the shape of its videos."""

    def __call__(self, x: Tensor, t: Tensor, told: Tensor | None = None, /) -> Tensor: ...

    @property
    def shape_of_video(self) -> tuple[int, int, int, int]: ...


@torch.no_grad()
def sample(
    model: Backbone,
    *,
    given: Float[Tensor, "batch given channels height width"],
    indices: Sequence[int],
    flow: FlowSpec,
    seed: int,
    conditioning: Tensor | None = None,
) -> Float[Tensor, "batch time channels height width"]:
    """Latents [B, T, C, H, W] that continue the given first frames [B, at least condition_frames,
    C, H, W], which are kept as they are.

    `indices` are the videos' row indices: a video's sample does not depend on which others are
    drawn with it. `facts` [B, ...] is what a model with conditioning is told of each
    (`model/conditioning_spec.py`). Raises UserError when fewer frames are given than the flow
    conditions on."""
    if given.shape[1] < flow.condition_frames:
        raise UserError(
            f"flow condition_frames={flow.condition_frames}: only {given.shape[1]} frames were "
            "given"
        )
    times = sampler_times(flow.sampler_steps, shift=flow.shift).to(given.device)
    parts = []
    for start in range(0, len(given), VIDEOS_AT_ONCE):
        part = given[start : start + VIDEOS_AT_ONCE]
        known = (
            None
            if conditioning is None
            else conditioning[start : start + VIDEOS_AT_ONCE].to(given.device)
        )
        noise = initial_noise(model, seed=seed, indices=indices[start : start + VIDEOS_AT_ONCE]).to(
            given.device
        )

        def denoiser(
            x_t: Tensor, t: Tensor, part: Tensor = part, known: Tensor | None = known
        ) -> Tensor:
            return guided(model, x_t, t=t, given=part, flow=flow, conditioning=known)

        parts.append(
            keep_given(
                solve(denoiser, noise, times=times, flow=flow),
                clean=part,
                condition_frames=flow.condition_frames,
            )
        )
    return torch.cat(parts)


def initial_noise(
    model: Backbone, *, seed: int, indices: Sequence[int]
) -> Float[Tensor, "batch time channels height width"]:
    """Pure noise of each video [B, T, C, H, W]."""
    return torch.stack(
        [
            normal(seed, stream=Stream.SAMPLE, counter=int(index), shape=model.shape_of_video)
            for index in indices
        ]
    )
