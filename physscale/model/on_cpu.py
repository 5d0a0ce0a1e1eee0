"""Two operations that are slow in PyTorch on CPUs, built from its faster kernels. On other devices
they are PyTorch's own.

Products in float32: PyTorch calls MKL, whose kernels are slower than oneDNN's on processors of
other makers. Here oneDNN computes the forward product and the gradient of the input. Attention in
bfloat16: PyTorch's kernel widens every number to float32, and computes the logits again in the
backward pass. Here the products are bfloat16's own, and the probabilities are kept, up to
`LONGEST_KEPT` tokens (2 x heads x tokens bytes per token and block). Logits and softmax are float32
as in PyTorch.
`tests/benchmarks/bench_train_step.py` measures both."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn.functional import linear, scaled_dot_product_attention

from physscale.model.dit_memory import LONGEST_KEPT

__all__ = ["Linear", "attend", "attend_by_torch", "by_torch"]

ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]

NARROWEST = 128
"""The least inputs and outputs for oneDNN: it gains nothing at 64, a tenth at 96, a quarter from
256 on."""

BATCHED: ContextVar[bool] = ContextVar("BATCHED", default=False)

LOGITS_AT_ONCE = 2**20
"""Four megabytes of float32, so that softmax finds the product's output in the cache."""


class Linear(nn.Linear):
    """`torch.nn.Linear`, by the faster of the two libraries."""

    def forward(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        if by_onednn(x, narrowest=min(self.in_features, self.out_features)):
            return Product.apply(x, self.weight, self.bias)
        return linear(x, self.weight, self.bias)


@contextmanager
def by_torch() -> Iterator[None]:
    """Inside, operations that `torch.func.vmap` can batch: neither oneDNN's product nor a fused
    attention on a CPU."""
    before = BATCHED.set(True)
    try:
        yield
    finally:
        BATCHED.reset(before)


def by_onednn(x: Tensor, *, narrowest: int) -> bool:
    if BATCHED.get():
        return False
    plain = (
        x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    )
    return ONEDNN and plain and narrowest >= NARROWEST


class Product(torch.autograd.Function):
    """x W^T + b; towards x by oneDNN too, towards W by MKL, which is as fast there.

    oneDNN is fast on a whole matrix or its transpose. On rows that lie apart in memory it is a
    thousand times slower, hence `contiguous`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.ops.physscale.multiplied(x.contiguous(), weight, bias)

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = tuple(ctx.saved_tensors)
        rows = gradient.reshape(-1, len(weight))
        return (
            torch.ops.physscale.multiplied(gradient.contiguous(), weight.t(), None),
            rows.t() @ x.reshape(-1, weight.shape[1]),
            rows.sum(0),
        )


def multiplied(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def attend(
    q: Float[Tensor, "batch heads asking width"],
    k: Float[Tensor, "batch heads asked width"],
    v: Float[Tensor, "batch heads asked width"],
) -> Float[Tensor, "batch heads asking width"]:
    """softmax(q k^T / sqrt(width)) v."""
    if (
        q.device.type == "cpu"
        and not BATCHED.get()
        and q.dtype == torch.bfloat16
        and max(q.shape[2], k.shape[2]) <= LONGEST_KEPT
    ):
        return Attend.apply(q, k, v)
    return attend_by_torch(q, k, v)


def attend_by_torch(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`attend`, by PyTorch's kernel where that can be batched, or its formula."""
    if BATCHED.get() and q.device.type == "cpu":
        return torch.softmax(q @ k.mT * q.shape[-1] ** -0.5, dim=-1) @ v
    return scaled_dot_product_attention(q, k, v)


class Attend(torch.autograd.Function):
    """`attend` in bfloat16, keeping the probabilities."""

    @staticmethod
    def forward(ctx: FunctionCtx, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        shape, scale = q.shape, q.shape[-1] ** -0.5
        q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
        probabilities = q.new_empty(len(q), q.shape[1], k.shape[1])
        with torch.autocast("cpu", enabled=False):
            for some in few_heads(probabilities):
                logits = torch.bmm(q[some].float() * scale, k[some].float().mT)
                probabilities[some] = torch.softmax(logits, dim=-1)
            ctx.save_for_backward(q, k, v, probabilities)
            return torch.bmm(probabilities, v).view(shape)

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, ...]:
        q, k, v, probabilities = tuple(ctx.saved_tensors)
        scale, g = q.shape[-1] ** -0.5, gradient.flatten(0, 1)
        to_q, to_k = torch.empty_like(q), torch.empty_like(k)
        for some in few_heads(probabilities):
            p = probabilities[some]
            to_logits = torch._softmax_backward_data(torch.bmm(g[some], v[some].mT), p, -1, p.dtype)
            to_q[some] = torch.bmm(to_logits, k[some]) * scale
            to_k[some] = torch.bmm(to_logits.mT, q[some]) * scale
        to_v = torch.bmm(probabilities.mT, g)
        return tuple(part.view(*gradient.shape[:2], *part.shape[1:]) for part in (to_q, to_k, to_v))


def few_heads(probabilities: Float[Tensor, "heads asking asked"]) -> Iterator[slice]:
    """The number of heads whose logits fit in the cache."""
    count = max(1, LOGITS_AT_ONCE // probabilities[0].numel())
    for first in range(0, len(probabilities), count):
        yield slice(first, first + count)


OPERATIONS = torch.library.Library("physscale", "DEF")  # type: ignore[no-untyped-call]
"""A registered operation, which torch's compiler leaves as it is. It supports oneDNN's own product
for constant weights only."""
OPERATIONS.define("multiplied(Tensor x, Tensor weight, Tensor? bias) -> Tensor")  # type: ignore[no-untyped-call]
OPERATIONS.impl("multiplied", multiplied, "CPU")  # type: ignore[no-untyped-call]
OPERATIONS.impl("multiplied", lambda x, weight, _: x.new_empty(*x.shape[:-1], len(weight)), "Meta")  # type: ignore[no-untyped-call]
