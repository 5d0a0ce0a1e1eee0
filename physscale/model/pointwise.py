"""Two pointwise functions with explicit derivatives. On small models autograd's chains of
operations cost as much as the matrix products."""

from typing import Any

import torch
from torch import Tensor

__all__ = ["Rotate", "SquaredReLU", "rotate"]

Context = Any
"""Of autograd, or of `torch.func.vmap` around it."""


def rotate(x: Tensor, *, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (i, i + half) of the last axis. `sin` carries the sign: minus in its first
    half."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin).to(x.dtype)


class Rotate(torch.autograd.Function):
    """`rotate`, whose derivative rotates back."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        return rotate(x, cos=cos, sin=sin)

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, cos, sin = inputs
        ctx.save_for_backward(cos, sin)

    @staticmethod
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = tuple(ctx.saved_tensors)
        return rotate(gradient, cos=cos, sin=-sin), None, None


class SquaredReLU(torch.autograd.Function):
    """max(x, 0)^2, whose derivative 2 max(x, 0) needs no mask."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.relu().square()

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Context, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return x.relu().mul_(gradient).mul_(2)
