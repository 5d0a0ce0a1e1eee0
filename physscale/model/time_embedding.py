"""The diffusion time as features for a backbone."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["time_embedding"]

TIME_SCALE = 1000.0
LONGEST_PERIOD = 10_000.0


def time_embedding(
    t_B: Float[Tensor, " batch"], *, features: int
) -> Float[Tensor, "batch features"]:
    """Sines and cosines of t at geometric rates."""
    half = features // 2
    rates = torch.exp(torch.arange(half, device=t_B.device) * (-math.log(LONGEST_PERIOD) / half))
    angle = (TIME_SCALE * t_B).unsqueeze(1) * rates
    return torch.cat((angle.cos(), angle.sin()), dim=1)
