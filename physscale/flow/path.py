"""The rectified-flow path from clean latents x0 (t = 0) to noise (t = 1), its velocity, and times along it.

x_t = (1 - t) x0 + t eps,   v = dx_t/dt = eps - x0,   x0 = x_t - t v      (arXiv 2209.03003; time shift: 2403.03206)
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["clean_from_velocity", "interpolate", "sampler_times", "shifted", "stratified_times", "velocity_from_clean"]


def interpolate(x0: Tensor, *, noise: Tensor, t: Tensor) -> Tensor:
    """x_t; t broadcasts against the latents. Exactly x0 at t = 0 and exactly the noise at t = 1."""
    return (1 - t) * x0 + t * noise


def clean_from_velocity(x_t: Tensor, *, velocity: Tensor, t: Tensor) -> Tensor:
    return x_t - t * velocity


def velocity_from_clean(x_t: Tensor, *, clean: Tensor, t: Tensor) -> Tensor:
    """The velocity that leads from x_t away from this x0; t must be above 0."""
    return (x_t - clean) / t


def shifted(t: Tensor, *, shift: float) -> Tensor:
    """t <- s t / (1 + (s - 1) t): a shift s above 1 moves times toward pure noise, where the future is still open."""
    return shift * t / (1 + (shift - 1) * t)


def stratified_times(uniform: Float[np.ndarray, " batch"]) -> Float[Tensor, " batch"]:
    """One time in each of B equal parts of [0, 1), from uniform numbers; position i of the batch gets part i."""
    batch = len(uniform)
    return torch.from_numpy(((np.arange(batch) + uniform) / batch).astype(np.float32))


def sampler_times(steps: int, *, shift: float) -> Float[Tensor, " times"]:
    """Falling times 1 = t_0 > ... > t_steps = 0, evenly spaced before the shift."""
    return shifted(torch.linspace(1, 0, steps + 1, dtype=torch.float64), shift=shift).float()
