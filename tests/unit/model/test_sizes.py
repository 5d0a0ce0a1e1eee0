"""Formulas for parameters and FLOPs against the model itself, torch's counter, and the published sizes."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from physscale.model.dit import DiT
from physscale.model.sizes import SIZES, forward_flops, input_channels, parameters, training_flops
from physscale.model.spec import DiTSpec, LatentShape

PAPER = {"S": 22.5, "B": 89.5, "L": 310.0, "XL": 456.0}
SPATIAL = LatentShape(frames=16, channels=4, height=16, width=16)
WHOLE_FRAME = LatentShape(frames=16, channels=32)


@pytest.mark.parametrize("name", SIZES)
def test_formula_counts_the_parameters_of_the_model(name: str) -> None:
    shape = SPATIAL if name in PAPER else WHOLE_FRAME
    with torch.device("meta"):
        model = DiT(SIZES[name], shape=shape)
    assert parameters(SIZES[name], shape=shape) == sum(parameter.numel() for parameter in model.parameters())


def test_a_projection_a_block_gives_the_size_of_the_first_dit() -> None:
    spec = replace(SIZES["S"], adaln="block")
    with torch.device("meta"):
        model = DiT(spec, shape=SPATIAL)
    assert parameters(spec, shape=SPATIAL) == sum(parameter.numel() for parameter in model.parameters())
    assert parameters(spec, shape=SPATIAL) / 1e6 == pytest.approx(33, abs=0.7)


@pytest.mark.parametrize(("name", "millions"), PAPER.items())
def test_the_four_published_sizes(name: str, millions: float) -> None:
    assert parameters(SIZES[name], shape=SPATIAL) / 1e6 == pytest.approx(millions, abs=0.1)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (SIZES["d32"], WHOLE_FRAME),
        (DiTSpec(width=24, depth=2, heads=2, patch=2), LatentShape(frames=3, channels=4, height=4, width=6)),
        (DiTSpec(width=24, depth=2, heads=2, patch=2, time_patch=2, adaln="block"), LatentShape(frames=4, channels=3, height=4, width=6)),
    ],
)
def test_formula_counts_the_flops_that_torch_counts(spec: DiTSpec, shape: LatentShape) -> None:
    model, batch = DiT(spec, shape=shape), 4
    x, t = torch.randn(batch, shape.frames, input_channels(shape.channels), shape.height, shape.width), torch.rand(batch)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward:
        output = model(x, t)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as backward:
        output.square().mean().backward()
    assert forward.get_total_flops() == batch * forward_flops(spec, shape=shape)
    counted = forward.get_total_flops() + backward.get_total_flops()
    assert counted == training_flops(spec, shape=shape, batch=batch, steps=1)


def test_plans_need_no_torch() -> None:
    modules = "physscale.model.sizes, physscale.flow.spec, physscale.train.spec, physscale.train.stop"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
