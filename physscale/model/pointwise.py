"""Two pointwise functions with explicit derivatives. On small models autograd's chains of
operations cost as much as the matrix products."""

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx

__all__ = ["Rotate", "SquaredReLU", "rotate"]


def rotate(x: Tensor, *, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (i, i + half) of the last axis. `sin` carries the sign: minus in its first
    half."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin).to(x.dtype)


class Rotate(torch.autograd.Function):
    """`rotate`, whose derivative rotates back."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return rotate(x, cos=cos, sin=sin)

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = tuple(ctx.saved_tensors)
        return rotate(gradient, cos=cos, sin=-sin), None, None


class SquaredReLU(torch.autograd.Function):
    """max(x, 0)^2, whose derivative 2 max(x, 0) needs no mask."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        positive = x.relu()
        ctx.save_for_backward(positive)
        return positive.square()

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return (gradient * positive).mul_(2)
