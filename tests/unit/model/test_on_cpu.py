"""What other kernels than PyTorch's first choice multiply is the same, as exactly; and they are
taken where they should be."""

from collections.abc import Callable
from itertools import product
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.profiler import ProfilerActivity, profile

from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.model.on_cpu import LONGEST_KEPT, NARROWEST, ONEDNN, Linear, attend
from physscale.model.sizes import SIZES
from tests.shapes import denoiser_shape

needs_onednn = pytest.mark.skipif(not ONEDNN, reason="this PyTorch has no oneDNN")
WIDE = (NARROWEST, 3 * NARROWEST)


def derivatives(function: Callable[..., Tensor], *inputs: Tensor, towards: Tensor) -> list[Tensor]:
    """The function's value, and how its product with `towards` changes with each input."""
    leaves = [part.detach().requires_grad_() for part in inputs]
    value = function(*leaves)
    return [value.detach(), *torch.autograd.grad(value, leaves, towards)]


def error(found: Tensor, *, exact: Tensor) -> float:
    return float((found.double() - exact).norm() / exact.norm())


@needs_onednn
@pytest.mark.parametrize(("inputs", "outputs"), [*product(WIDE, WIDE)])
@pytest.mark.parametrize("rows", [(), (5,), (2, 7)], ids=str)
def test_a_wide_layer_is_torchs_layer(inputs: int, outputs: int, rows: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = Linear(inputs, outputs)
    x, towards = torch.randn(*rows, inputs), torch.randn(*rows, outputs)

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    weight, bias = layer.weight.detach(), layer.bias.detach()
    found = derivatives(call, x, weight, bias, towards=towards)
    exact = derivatives(
        nn.functional.linear, x.double(), weight.double(), bias.double(), towards=towards.double()
    )
    assert all(
        one.shape == other.shape and error(one, exact=other) < 1e-6
        for one, other in zip(found, exact, strict=True)
    )


@needs_onednn
def test_rows_that_lie_apart_are_multiplied_as_they_are_meant() -> None:
    """A view of every second row, and a gradient that is one number repeated."""
    torch.manual_seed(0)
    layer, plain = Linear(*WIDE), nn.Linear(*WIDE)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(8, 6, WIDE[0]).transpose(0, 1)[::2].requires_grad_()
    for module in (layer, plain):
        module(x).sum().backward()
    assert torch.allclose(layer(x), plain(x), atol=1e-5)
    for own, other in zip(layer.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(cast(Tensor, own.grad), cast(Tensor, other.grad), atol=1e-4)


@pytest.mark.parametrize(
    ("asking", "asked", "heads"),
    [(16, 16, 2), (131, 257, 1), (300, 300, 3), (LONGEST_KEPT, LONGEST_KEPT, 2)],
)
@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_attention_in_bfloat16_is_within_twice_torchs_error_of_the_exact_one(
    asking: int, asked: int, heads: int, spread: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (
        (spread * torch.randn(2, tokens, heads, 32, generator=generator)).bfloat16().transpose(1, 2)
        for tokens in (asking, asked, asked)
    )
    towards = torch.randn(2, asking, heads, 32, generator=generator).bfloat16().transpose(1, 2)
    exact = derivatives(
        scaled_dot_product_attention, q.double(), k.double(), v.double(), towards=towards.double()
    )
    ours = derivatives(attend, q, k, v, towards=towards)
    torchs = derivatives(scaled_dot_product_attention, q, k, v, towards=towards)
    for own, other, right in zip(ours, torchs, exact, strict=True):
        assert (own.dtype, own.shape) == (torch.bfloat16, right.shape)
        assert error(own, exact=right) < 2 * error(other, exact=right)


def operations(spec: DiTSpec, *, frames: int, precision: torch.dtype) -> set[str]:
    """Names of what a forward pass of the model runs."""
    shape = denoiser_shape(frames=frames, channels=4)
    model = DiT(spec, shape=shape)
    x, t = torch.randn(1, frames, shape.inputs, 1, 1), torch.rand(1)
    with (
        profile(activities=[ProfilerActivity.CPU]) as seen,
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16),
    ):
        model(x, t)
    return {str(event.key) for event in seen.key_averages()}


@needs_onednn
def test_each_is_taken_where_it_pays_and_nowhere_else() -> None:
    wide = DiTSpec(width=NARROWEST, depth=1, heads=2)
    own = {"Product", "Attend"}
    assert own & operations(wide, frames=4, precision=torch.float32) == {"Product"}
    assert own & operations(wide, frames=LONGEST_KEPT, precision=torch.bfloat16) == {"Attend"}
    assert not own & operations(wide, frames=LONGEST_KEPT + 1, precision=torch.bfloat16)
    assert not own & operations(SIZES["d96"], frames=4, precision=torch.float32)
