"""The training objective and the denoiser it trains: mean squared error on the frames that are not
given."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from physscale.flow.condition import dropped_out, model_input
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective import Network
from physscale.flow.path import path_at

__all__ = ["denoise", "guided", "squared_errors", "training_loss"]


def denoise(
    network: Network,
    x_t: Tensor,
    *,
    t: Float[Tensor, " batch"],
    given: Tensor,
    flow: FlowSpec,
    conditioning: Tensor | None = None,
    dropped: Bool[Tensor, " batch"] | None = None,
) -> Tensor:
    """The clean latents [B, T, C, H, W] that the network expects behind x_t, whatever it
    predicts."""
    seen = model_input(x_t, clean=given, condition_frames=flow.condition_frames, dropped=dropped)
    output = _predicted(network, seen, t=t, conditioning=conditioning, dropped=dropped)
    if flow.prediction == "x":
        return output
    return path_at(t.view(-1, 1, 1, 1, 1), name=flow.path).clean(x_t, velocity=output)


def guided(
    network: Network,
    x_t: Tensor,
    *,
    t: Float[Tensor, " batch"],
    given: Tensor,
    flow: FlowSpec,
    conditioning: Tensor | None = None,
) -> Tensor:
    """As `denoise`, moved by `flow.guidance` away from the prediction without given frames and
    without conditioning."""
    conditional = denoise(network, x_t, t=t, given=given, flow=flow, conditioning=conditioning)
    if flow.guidance == 1:
        return conditional
    dropped = torch.ones_like(t, dtype=torch.bool)
    unconditional = denoise(
        network, x_t, t=t, given=given, flow=flow, conditioning=conditioning, dropped=dropped
    )
    return unconditional + flow.guidance * (conditional - unconditional)


def training_loss(
    network: Network,
    x0: Float[Tensor, "batch time channels height width"],
    *,
    noise: Float[Tensor, "batch time channels height width"],
    t: Float[Tensor, " batch"],
    flow: FlowSpec,
    conditioning: Tensor | None = None,
    dropped: Bool[Tensor, " batch"] | None = None,
    scored_frames: float | None = None,
) -> Float[Tensor, ""]:
    """Unweighted squared error of what the network predicts (x0, or the velocity), mean over
    generated frames. In videos whose given frames are dropped, all frames are generated.

    `scored_frames`, if given, is the divisor instead of the number of frames scored here. The
    losses of a batch's parts then add up to the batch's loss."""
    path = path_at(t.view(-1, 1, 1, 1, 1), name=flow.path)
    x_t = path.mix(x0, noise=noise)
    seen = model_input(x_t, clean=x0, condition_frames=flow.condition_frames, dropped=dropped)
    output = _predicted(network, seen, t=t, conditioning=conditioning, dropped=dropped)
    target = x0 if flow.prediction == "x" else path.velocity(x0, noise=noise)
    c = flow.condition_frames
    error = (output[:, c:] - target[:, c:]).square()
    if dropped is None and scored_frames is None:
        return error.mean()
    total, scored = error.sum(), float(error.numel())
    if dropped is not None:
        first = (output[dropped, :c] - target[dropped, :c]).square()
        total, scored = total + first.sum(), scored + first.numel()
    return total / (scored if scored_frames is None else scored_frames * x0[0, 0].numel())


def _predicted(
    network: Network,
    seen: Tensor,
    *,
    t: Tensor,
    conditioning: Tensor | None,
    dropped: Tensor | None,
) -> Tensor:
    """The network's prediction; a network without conditioning takes two arguments."""
    return (
        network(seen, t)
        if conditioning is None
        else network(seen, t, dropped_out(conditioning, dropped=dropped))
    )


def squared_errors(clean: Tensor, *, x0: Tensor, condition_frames: int) -> Float[Tensor, " batch"]:
    """Mean squared error of each video's generated frames [B]."""
    return (clean[:, condition_frames:] - x0[:, condition_frames:]).square().flatten(1).mean(dim=1)
