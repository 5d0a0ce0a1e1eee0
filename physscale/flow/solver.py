"""From noise to clean latents: Euler steps along dx/dt = (x_t - x0(x_t, t)) / t on a falling grid of times that ends at 0.

A step from t to s is x_s = x0 + (s / t) (x_t - x0); the last one (s = 0) is the predicted x0 itself.
"""

from collections.abc import Callable
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor

__all__ = ["Denoiser", "euler"]

Denoiser = Callable[[Tensor, Tensor], Tensor]


def euler(denoiser: Denoiser, noise: Tensor, *, times: Float[Tensor, " times"]) -> Tensor:
    """Solve from x = noise at times[0] = 1 to times[-1] = 0; the denoiser maps (x_t, t [B]) to x0."""
    x_t = noise
    for t, s in pairwise(times):
        clean = denoiser(x_t, t.expand(len(x_t)))
        x_t = clean + (s / t) * (x_t - clean)
    return x_t
