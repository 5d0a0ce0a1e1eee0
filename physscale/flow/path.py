"""Paths from clean latents x0 (t = 0) to noise (t = 1), their velocities, and times along them.

x_t = alpha(t) x0 + sigma(t) eps, and v is the direction of dx_t/dt:

    rectified  alpha = 1 - t          sigma = t              v = eps - x0      (arXiv 2209.03003)
    cosine     alpha = cos(pi t / 2)  sigma = sin(pi t / 2)  v = alpha eps - sigma x0 (2202.00512)

Both end at pure noise: alpha(1) is exactly 0 (zero terminal SNR, arXiv 2305.08891). The
appendix of arXiv 2411.02385 exchanges the power of signal and noise in one of the two places where
it prints v; it can only mean the cosine row above. Time shift: 2403.03206."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.flow_spec import PathName

__all__ = ["Path", "path_at", "sampler_times", "shifted", "stratified_times"]

QUARTER = math.pi / 2


@dataclass(frozen=True)
class Path:
    """alpha and sigma at a time, and their rates of change along v (dx_t/dt = speed v)."""

    alpha: Tensor
    sigma: Tensor
    alpha_rate: Tensor
    sigma_rate: Tensor
    speed: float

    def mix(self, x0: Tensor, *, noise: Tensor) -> Tensor:
        """x_t."""
        return self.alpha * x0 + self.sigma * noise

    def velocity(self, x0: Tensor, *, noise: Tensor) -> Tensor:
        return self.sigma_rate * noise + self.alpha_rate * x0

    def clean(self, x_t: Tensor, *, velocity: Tensor) -> Tensor:
        """The x0 behind x_t that moves with this velocity (sigma_rate alpha - alpha_rate sigma = 1
        on both paths)."""
        return self.sigma_rate * x_t - self.sigma * velocity

    def noise(self, x_t: Tensor, *, clean: Tensor) -> Tensor:
        """The noise in x_t when x0 is `clean`; t must be above 0."""
        return (x_t - self.alpha * clean) / self.sigma

    def slope(self, x_t: Tensor, *, clean: Tensor) -> Tensor:
        """dx_t/dt at x_t when x0 is `clean`; t must be above 0."""
        return self.speed * self.velocity(clean, noise=self.noise(x_t, clean=clean))


def path_at(t: Tensor, *, name: PathName) -> Path:
    """The path of this name at times t, which broadcast against the latents. alpha is exactly 0 at
    t = 1."""
    if name == "rectified":
        return Path(1 - t, t, torch.full_like(t, -1), torch.ones_like(t), speed=1.0)
    alpha, sigma = torch.sin(QUARTER * (1 - t)), torch.sin(QUARTER * t)
    return Path(alpha, sigma, -sigma, alpha, speed=QUARTER)


def shifted(t: Tensor, *, shift: float) -> Tensor:
    """t <- s t / (1 + (s - 1) t): a shift s above 1 moves times toward pure noise, where the future
    is still open."""
    return shift * t / (1 + (shift - 1) * t)


def stratified_times(uniform: Float[np.ndarray, " batch"]) -> Float[Tensor, " batch"]:
    """One time in each of B equal parts of [0, 1), from uniform numbers; position i of the batch
    gets part i."""
    batch = len(uniform)
    return torch.from_numpy(((np.arange(batch) + uniform) / batch).astype(np.float32))


def sampler_times(steps: int, *, shift: float) -> Float[Tensor, " times"]:
    """Falling times 1 = t_0 > ... > t_steps = 0, evenly spaced before the shift."""
    return shifted(torch.linspace(1, 0, steps + 1, dtype=torch.float64), shift=shift).float()
