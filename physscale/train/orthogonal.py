"""The nearest orthogonal matrices, which Muon moves along: Newton-Schulz's iteration, and its work
dealt out over workers.

X <- a X + b (X X^T) X + c (X X^T)^2 X moves all singular values close to 1. All factors are
polynomials of the smaller Gram matrix A = X X^T, so in float32 wide matrices iterate on A alone and
are multiplied once at the end. In bfloat16 A would lose the small singular values, which are
squared in it (measured: two to five times the error), so there X itself is iterated.

`muon_flops` in `train/muon_flops.py` counts both."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from physscale.train.muon_flops import NEWTON_SCHULZ_ROUNDS
from physscale.train.parallel import Workers

__all__ = ["dealt_out", "orthogonalise"]

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalise(
    stack: Float[Tensor, "count rows columns"], *, narrow: bool = False
) -> Float[Tensor, "count rows columns"]:
    """Each matrix U S V^T of the stack becomes approximately U V^T, in float32. `narrow`: the
    products are bfloat16's."""
    rows, columns = stack.shape[1:]
    x = stack.mT if rows > columns else stack
    x = x / (x.flatten(1).norm(dim=1).view(-1, 1, 1) + 1e-7)
    x = _iterated(x.bfloat16()).float() if narrow else _by_gram(x)
    return x.mT if rows > columns else x


def _by_gram(x: Float[Tensor, "count smaller larger"]) -> Tensor:
    a, b, c = NEWTON_SCHULZ
    gram = torch.bmm(x, x.mT)
    product = None
    for turn in range(NEWTON_SCHULZ_ROUNDS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor if product is None else torch.bmm(factor, product)
        if turn + 1 < NEWTON_SCHULZ_ROUNDS:
            gram = torch.bmm(torch.bmm(factor, gram), factor)
    assert product is not None
    return torch.bmm(product, x)


def _iterated(x: Tensor) -> Tensor:
    a, b, c = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_ROUNDS):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def dealt_out(
    stack: Float[Tensor, "count rows columns"], *, workers: Workers, narrow: bool = False
) -> Float[Tensor, "count rows columns"]:
    """`orthogonalise` of a stack that all workers hold, each doing its share of the matrices. Every
    worker calls it; the bits are those of one worker."""
    if workers.world == 1:
        return orthogonalise(stack, narrow=narrow)
    count, each = len(stack), -(-len(stack) // workers.world)
    own = stack[workers.rank * each : (workers.rank + 1) * each]
    sent = torch.bfloat16 if narrow else torch.float32  # narrow products have no more bits
    done = stack.new_zeros(each, *stack.shape[1:], dtype=sent)
    done[: len(own)] = orthogonalise(own, narrow=narrow)
    every = stack.new_empty(workers.world * each, *stack.shape[1:], dtype=sent)
    dist.all_gather(list(every.chunk(workers.world)), done)
    return every[:count].float()
