"""From noise to clean latents on a falling grid of times that ends at 0, given a denoiser x0(x_t,
t).

    ddim   x_s = alpha_s x0 + sigma_s eps, eps = (x_t - alpha_t x0) / sigma_t  (arXiv 2010.02502)
    euler  x_s = x_t + (s - t) dx/dt
    heun   x_s by the mean of the slopes at both ends of an Euler step         (arXiv 2206.00364)

On the rectified path ddim is an Euler step. The last step of heun is a ddim step, for sigma is 0
there.
"""

from collections.abc import Callable
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.path import path_at

__all__ = ["Denoiser", "solve"]

Denoiser = Callable[[Tensor, Tensor], Tensor]


def solve(
    denoiser: Denoiser, noise: Tensor, *, times: Float[Tensor, " times"], flow: FlowSpec
) -> Tensor:
    """From x = noise at times[0] = 1 to times[-1] = 0 by the flow's sampler; the denoiser maps
    (x_t, t [B]) to x0."""
    x_t = noise
    for count, (t, s) in enumerate(pairwise(times), start=2):
        here, there = path_at(t, name=flow.path), path_at(s, name=flow.path)
        clean = denoiser(x_t, t.expand(len(x_t)))
        if flow.sampler == "ddim" or (flow.sampler == "heun" and count == len(times)):
            x_t = there.mix(clean, noise=here.noise(x_t, clean=clean))
            continue
        slope = here.slope(x_t, clean=clean)
        x_s = x_t + (s - t) * slope
        if flow.sampler == "heun":
            slope = (slope + there.slope(x_s, clean=denoiser(x_s, s.expand(len(x_s))))) / 2
            x_s = x_t + (s - t) * slope
        x_t = x_s
    return x_t
