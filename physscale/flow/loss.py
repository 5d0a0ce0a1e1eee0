"""The training objective and the denoiser it trains: mean squared error on the frames that are not given."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from physscale.flow.condition import model_input
from physscale.flow.path import clean_from_velocity, interpolate
from physscale.flow.spec import FlowSpec

__all__ = ["Network", "denoise", "squared_errors", "training_loss"]

Network = Callable[[Tensor, Tensor], Tensor]


def denoise(network: Network, x_t: Tensor, *, t: Float[Tensor, " batch"], given: Tensor, flow: FlowSpec) -> Tensor:
    """The clean latents [B, T, C, H, W] that the network expects behind x_t, whatever it predicts."""
    output = network(model_input(x_t, clean=given, condition_frames=flow.condition_frames), t)
    if flow.prediction == "x":
        return output
    return clean_from_velocity(x_t, velocity=output, t=t.view(-1, 1, 1, 1, 1))


def training_loss(
    network: Network,
    x0: Float[Tensor, "batch time channels height width"],
    *,
    noise: Float[Tensor, "batch time channels height width"],
    t: Float[Tensor, " batch"],
    flow: FlowSpec,
) -> Float[Tensor, ""]:
    """Unweighted squared error of what the network predicts (x0, or eps - x0), mean over generated frames."""
    x_t = interpolate(x0, noise=noise, t=t.view(-1, 1, 1, 1, 1))
    output = network(model_input(x_t, clean=x0, condition_frames=flow.condition_frames), t)
    target = x0 if flow.prediction == "x" else noise - x0
    c = flow.condition_frames
    return (output[:, c:] - target[:, c:]).square().mean()


def squared_errors(clean: Tensor, *, x0: Tensor, condition_frames: int) -> Float[Tensor, " batch"]:
    """Mean squared error of each video's generated frames [B]."""
    return (clean[:, condition_frames:] - x0[:, condition_frames:]).square().flatten(1).mean(dim=1)
