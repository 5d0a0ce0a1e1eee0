"""Checkpoint and first frames -> generated latents; the noise of a video depends on (seed, its
index) alone."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.condition import keep_given
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.loss import guided
from physscale.flow.noise import Stream, normal
from physscale.flow.objective import Network
from physscale.flow.path import sampler_times
from physscale.flow.solver import solve
from physscale.records.errors import UserError

__all__ = ["sample"]


@torch.no_grad()
def sample(
    model: Network,
    *,
    given: Float[Tensor, "batch given channels height width"],
    frames: int,
    indices: Sequence[int],
    flow: FlowSpec,
    seed: int,
    conditioning: Tensor | None = None,
) -> Float[Tensor, "batch time channels height width"]:
    """Latents of so many frames that continue the given first ones (at least `condition_frames`),
    which are kept as they are.

    `indices` are the videos' row indices: a video's sample does not depend on which others are
    drawn with it. `conditioning` [B, ...] is what the model reads of each
    (`model/conditioning_spec.py`).

    Raises:
        UserError: for fewer frames than the flow conditions on.
    """
    if given.shape[1] < flow.condition_frames:
        raise UserError(
            f"flow condition_frames={flow.condition_frames}: only {given.shape[1]} frames were "
            "given"
        )
    times = sampler_times(flow.sampler_steps, shift=flow.shift).to(given.device)
    noise = initial_noise((frames, *given.shape[2:]), seed=seed, indices=indices).to(given.device)

    def denoiser(x_t: Tensor, t: Tensor) -> Tensor:
        return guided(model, x_t, t=t, given=given, flow=flow, conditioning=conditioning)

    generated = solve(denoiser, noise, times=times, flow=flow)
    return keep_given(generated, clean=given, condition_frames=flow.condition_frames)


def initial_noise(
    shape: tuple[int, ...], *, seed: int, indices: Sequence[int]
) -> Float[Tensor, "batch time channels height width"]:
    """Pure noise of each video."""
    return torch.stack(
        [normal(seed, stream=Stream.SAMPLE, counter=int(index), shape=shape) for index in indices]
    )
