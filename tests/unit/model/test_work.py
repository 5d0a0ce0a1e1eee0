"""Bytes and operations by formula are those that the dispatcher of PyTorch sees in a forward and
backward pass of tensors without contents."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from physscale.flow.flow_spec import FlowSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.sizes import SIZES
from physscale.model.unet_spec import UNetSpec
from physscale.records.latent_shape import LatentShape
from physscale.study.calibrate_device import POINTWISE_BYTES, pointwise
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import part_of
from physscale.train.weights import WholeWeights
from tests.dispatched import Dispatched
from tests.fake_memory import cuda_autocast

DIFFUSION = FlowSpec(prediction="v")
WHOLE_FRAMES, PAPER = LatentShape(16, 32), LatentShape(32, 4, 16, 16)


def passed(model: BackboneSpec, *, shape: LatentShape, videos: int, autocast: Any) -> Dispatched:
    """A forward and backward pass, counted."""
    train = TrainSpec(batch=videos, optimiser="adamw")
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = model.build(DIFFUSION.backbone_shape(shape))
        WholeWeights.of(network, spec=train, rates=None)
        x0 = torch.empty(videos, shape.frames, shape.channels, shape.height, shape.width)
        part = part_of(step=0, seed=0, train=train, workers=Workers())
        drawn = DIFFUSION.build().draw(x0, part=part)
        widened = cuda_autocast() if autocast == "cuda" else nullcontext()
        with Dispatched() as counted, widened:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast != "none"):
                loss = drawn.loss(network, rows=slice(0, videos))
            torch.autograd.backward(loss)
    return counted


@pytest.mark.parametrize(
    ("model", "shape", "autocast", "videos"),
    [
        (SIZES["d8"], WHOLE_FRAMES, "none", 32),
        (SIZES["d96"], WHOLE_FRAMES, "none", 32),
        (SIZES["S"], PAPER, "none", 2),
        (SIZES["S"], PAPER, "cpu", 2),
        (SIZES["B"], PAPER, "cuda", 2),
        (UNetSpec(width=64), LatentShape(16, 4, 16, 16), "none", 4),
        (UNetSpec(width=64), LatentShape(16, 4, 16, 16), "cuda", 4),
    ],
)
def test_formula_meets_the_dispatcher(
    model: BackboneSpec, shape: LatentShape, autocast: Any, videos: int
) -> None:
    ports = DIFFUSION.backbone_shape(shape)
    counted = passed(model, shape=shape, videos=videos, autocast=autocast)
    work = model.work(ports, videos=videos, autocast=autocast)
    own = model.parameters(ports) * (12 if autocast == "none" else 24)  # sums and casts, per step
    assert work.operations == pytest.approx(counted.operations, rel=0.05)
    assert work.bytes + own == pytest.approx(counted.bytes, rel=0.1)


@pytest.mark.parametrize("size", ["d64", "S"])
def test_attention_is_a_part_of_the_forward_pass(size: str) -> None:
    """2 products of N x N x D multiply-adds per block."""
    shape = DIFFUSION.backbone_shape(PAPER if size == "S" else WHOLE_FRAMES)
    model = SIZES[size]
    tokens = model.tokens(shape)
    flops = model.work(shape, videos=3, autocast="none").attention_flops
    assert flops == 3 * model.depth * 2 * 2 * tokens**2 * model.width
    assert flops < 3 * model.forward_flops(shape)


def test_the_measured_chain_moves_the_bytes_that_it_is_divided_by() -> None:
    with FakeTensorMode():
        x = torch.empty(2, 512, 64, requires_grad=True)
        three = [torch.empty(2, 1, 64, requires_grad=True) for _ in range(3)]
        away = torch.empty(2, 512, 64)
        with Dispatched() as counted:
            torch.autograd.backward(pointwise(x, three), away)
    assert counted.bytes / x.numel() == pytest.approx(POINTWISE_BYTES, rel=0.01)
