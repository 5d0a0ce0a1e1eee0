"""Formulas for parameters and FLOPs against the model itself, torch's counter, and the published
sizes."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from physscale.model.conditioning_spec import CHARACTERS, NUMBERS_A_BODY, TextSpec
from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.records.latent_shape import BackboneShape
from tests.shapes import denoiser_shape

PAPER = {"S": 22.5, "B": 89.5, "L": 310.0, "XL": 456.0}
SPATIAL = denoiser_shape(frames=16, channels=4, height=16, width=16)
WHOLE_FRAME = denoiser_shape(frames=16, channels=32)


@pytest.mark.parametrize("name", SIZES)
def test_formula_counts_the_parameters_of_the_model(name: str) -> None:
    shape = SPATIAL if name in PAPER else WHOLE_FRAME
    with torch.device("meta"):
        model = DiT(SIZES[name], shape=shape)
    assert SIZES[name].parameters(shape) == sum(
        parameter.numel() for parameter in model.parameters()
    )


def test_a_projection_a_block_gives_the_size_of_the_first_dit() -> None:
    spec = replace(SIZES["S"], adaln="block")
    with torch.device("meta"):
        model = DiT(spec, shape=SPATIAL)
    assert spec.parameters(SPATIAL) == sum(parameter.numel() for parameter in model.parameters())
    assert spec.parameters(SPATIAL) / 1e6 == pytest.approx(33, abs=0.7)


@pytest.mark.parametrize(("name", "millions"), PAPER.items())
def test_the_four_published_sizes(name: str, millions: float) -> None:
    assert SIZES[name].parameters(SPATIAL) / 1e6 == pytest.approx(millions, abs=0.1)


PATCHES, SMALL = (
    DiTSpec(width=24, depth=2, heads=2, patch=2),
    denoiser_shape(frames=4, channels=3, height=4, width=6),
)
TOLD = [
    replace(PATCHES, conditioning="numbers", bodies=3),
    replace(PATCHES, conditioning="text", text=TextSpec(tokens=11, width=8, depth=1, heads=2)),
    replace(
        PATCHES,
        conditioning="text",
        text=TextSpec(
            tokens=5, width=8, depth=2, heads=1, encoder="some.where:encoder", features=7
        ),
    ),
]


def conditioning_for(spec: DiTSpec, *, batch: int) -> torch.Tensor | None:
    """Of the shape that this model is conditioned on."""
    if spec.conditioning == "text" and spec.text.encoder == "characters":
        return torch.randint(CHARACTERS, (batch, spec.text.tokens))
    numbers = {
        "none": None,
        "numbers": (spec.bodies, NUMBERS_A_BODY),
        "text": (spec.text.tokens, spec.text.features),
    }[spec.conditioning]
    return None if numbers is None else torch.randn(batch, *numbers)


@pytest.mark.parametrize("spec", TOLD, ids=["numbers", "characters", "features"])
def test_formula_counts_the_parameters_of_the_conditioning(spec: DiTSpec) -> None:
    assert spec.parameters(SMALL) == sum(
        parameter.numel() for parameter in DiT(spec, shape=SMALL).parameters()
    )
    assert spec.parameters(SMALL) > PATCHES.parameters(SMALL)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        *(
            (replace(SIZES[name], adaln=adaln), SPATIAL if name in PAPER else WHOLE_FRAME)
            for name in SIZES
            for adaln in ("shared", "block")
        ),
        (PATCHES, denoiser_shape(frames=3, channels=4, height=4, width=6)),
        (replace(PATCHES, time_patch=2, adaln="block"), SMALL),
        *((spec, SMALL) for spec in TOLD),
    ],
)
def test_formula_counts_the_flops_that_torch_counts(spec: DiTSpec, shape: BackboneShape) -> None:
    """Without a number calculated: shapes are enough, so that XL takes no longer than d6."""
    batch = 4
    with torch.device("meta"):
        model = DiT(spec, shape=shape)
        x, t = (
            torch.randn(batch, shape.frames, shape.inputs, shape.height, shape.width),
            torch.rand(batch),
        )
        conditioning = conditioning_for(spec, batch=batch)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward:
            output = model(x, t, conditioning)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as backward:
            output.square().mean().backward()
    assert forward.get_total_flops() == batch * spec.forward_flops(shape)
    counted = forward.get_total_flops() + backward.get_total_flops()
    assert counted == batch * spec.training_flops(shape)


def test_plans_need_no_torch() -> None:
    modules = (
        "physscale.model.backbones, physscale.flow.objectives, physscale.run.device_memory, "
        "physscale.run.context, physscale.study.plan"
    )
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
