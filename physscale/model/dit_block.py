"""A block of the diffusion transformer (`model/dit.py`): attention and MLP, both modulated by the
diffusion time (arXiv 2212.09748).

Letters: B videos, N tokens, D width, K heads."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

from physscale.model.conditioning import CrossAttention
from physscale.model.dit_spec import DiTSpec
from physscale.model.on_cpu import Linear, attend
from physscale.model.pointwise import Rotate, SquaredReLU

__all__ = ["Block", "normalise"]


class Block(nn.Module):
    """x + gate * attention(norm(x)), then x + gate * mlp(norm(x)); shift, scale and gate of both
    come from the diffusion time. A model with text attends to it in between."""

    def __init__(self, spec: DiTSpec) -> None:
        super().__init__()
        self.attention = Attention(spec)
        self.cross = CrossAttention(spec) if spec.conditioning == "text" else None
        self.mlp = MLP(spec)

    def forward(
        self,
        x_BND: Tensor,
        six: tuple[Tensor, ...],
        *,
        cos: Tensor,
        sin: Tensor,
        text: Tensor | None = None,
    ) -> Tensor:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = six
        x_BND = torch.addcmul(
            x_BND,
            gate_a,
            self.attention(normalise(x_BND, shift=shift_a, scale=scale_a), cos=cos, sin=sin),
        )
        if self.cross is not None:
            x_BND = x_BND + self.cross(x_BND, text)
        return torch.addcmul(
            x_BND, gate_m, self.mlp(normalise(x_BND, shift=shift_m, scale=scale_m))
        )


class Attention(nn.Module):
    """Full space-time attention. Queries and keys are rotated by the angles of their token."""

    def __init__(self, spec: DiTSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.qkv = Linear(spec.width, 3 * spec.width)
        self.out = Linear(spec.width, spec.width)

    def forward(self, x_BND: Tensor, *, cos: Tensor, sin: Tensor) -> Tensor:
        qkv = (
            self.qkv(x_BND).view(*x_BND.shape[:2], 3 * self.heads, -1).transpose(1, 2)
        )  # B 3K N D/K
        qk, v = qkv.split((2 * self.heads, self.heads), dim=1)
        q, k = Rotate.apply(qk, cos, sin).chunk(2, dim=1)
        return self.out(attend(q, k, v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two layers with relu^2 (arXiv 2109.08668; cheap on CPUs) or gelu between."""

    def __init__(self, spec: DiTSpec) -> None:
        super().__init__()
        self.activation = spec.activation
        self.up = Linear(spec.width, spec.mlp_ratio * spec.width)
        self.down = Linear(spec.mlp_ratio * spec.width, spec.width)

    def forward(self, x_BND: Tensor) -> Tensor:
        hidden = self.up(x_BND)
        return self.down(SquaredReLU.apply(hidden) if self.activation == "relu2" else gelu(hidden))


def normalise(x: Tensor, *, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without weights of its own, then x scale + shift."""
    return torch.addcmul(shift, layer_norm(x, x.shape[-1:]), scale)
