"""The transformer on every kind of latent: shapes, gradients, positions, weights; the small ladder
and the paper's sizes by one code."""

import math
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.model.pointwise import Rotate, SquaredReLU
from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape
from tests.shapes import denoiser_shape

WHOLE_FRAME = (DiTSpec(width=16, depth=2, heads=2), denoiser_shape(frames=6, channels=5))
PATCHES = (
    DiTSpec(width=24, depth=2, heads=2, patch=2, activation="gelu"),
    denoiser_shape(frames=3, channels=4, height=4, width=6),
)
TUBELETS = (
    DiTSpec(width=24, depth=2, heads=2, patch=2, time_patch=3, adaln="block"),
    denoiser_shape(frames=9, channels=3, height=4, width=6),
)
EVERY = pytest.mark.parametrize(
    ("spec", "shape"), [WHOLE_FRAME, PATCHES, TUBELETS], ids=["whole-frame", "patches", "tubelets"]
)


def model_of(spec: DiTSpec, shape: BackboneShape) -> DiT:
    """A model whose every weight matters: the zeros of the initialisation are filled too."""
    generator = torch.Generator().manual_seed(0)
    model = DiT(spec, shape=shape)
    model.initialise(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model


def inputs(shape: BackboneShape, *, batch: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(
        batch,
        shape.frames,
        shape.inputs,
        shape.height,
        shape.width,
        generator=generator,
    )
    return x, torch.rand(batch, generator=generator)


@EVERY
def test_keeps_the_shape_of_the_latents(spec: DiTSpec, shape: BackboneShape) -> None:
    x, t = inputs(shape)
    assert model_of(spec, shape)(x, t).shape == (
        2,
        shape.frames,
        shape.channels,
        shape.height,
        shape.width,
    )


@EVERY
def test_first_prediction_is_zero(spec: DiTSpec, shape: BackboneShape) -> None:
    model = DiT(spec, shape=shape)
    model.initialise(torch.Generator().manual_seed(0))
    assert not model(*inputs(shape)).any()


@EVERY
def test_every_parameter_gets_a_finite_gradient_that_is_not_zero(
    spec: DiTSpec, shape: BackboneShape
) -> None:
    model = model_of(spec, shape)
    model(*inputs(shape)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@EVERY
def test_saved_and_loaded_gives_the_same_output(
    spec: DiTSpec, shape: BackboneShape, tmp_path: Path
) -> None:
    model, other = model_of(spec, shape), DiT(spec, shape=shape)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    other.load_state_dict(safetensors.torch.load_file(tmp_path / "model.safetensors"))
    assert torch.equal(model(*inputs(shape)), other(*inputs(shape)))


@EVERY
def test_low_precision_stays_close(spec: DiTSpec, shape: BackboneShape) -> None:
    model, (x, t) = model_of(spec, shape), inputs(shape)
    exact = model(x, t)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        close = model(x, t).float()
    assert (close - exact).square().mean() < 1e-3 * exact.square().mean()


@EVERY
def test_initialisation_is_a_function_of_the_seed(spec: DiTSpec, shape: BackboneShape) -> None:
    weights = []
    for seed in (0, 0, 1):
        model = DiT(spec, shape=shape)
        model.initialise(torch.Generator().manual_seed(seed))
        weights.append(model.embed.weight.detach().clone())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@EVERY
def test_videos_of_a_batch_do_not_meet(spec: DiTSpec, shape: BackboneShape) -> None:
    model, (x, t) = model_of(spec, shape), inputs(shape, batch=3)
    alone = model(x[1:2], t[1:2])
    torch.testing.assert_close(model(x, t)[1:2], alone, rtol=1e-4, atol=1e-5)


@EVERY
def test_every_output_sees_every_token_and_the_time(spec: DiTSpec, shape: BackboneShape) -> None:
    model, (x, t) = model_of(spec, shape), inputs(shape, batch=1)
    x.requires_grad_()
    t.requires_grad_()
    model(x, t)[0, -1, 0, 0, 0].backward()
    assert x.grad is not None
    assert t.grad is not None
    assert x.grad.abs().sum(dim=2).min() > 0
    assert t.grad.abs() > 0


def test_tubelets_return_to_their_places() -> None:
    spec, shape = TUBELETS
    model = model_of(spec, shape)
    x = torch.randn(2, *model.shape_of_video)
    tokens = model._patchify(x)
    assert tokens.shape == (2, 3 * 2 * 3, 3 * 3 * 2 * 2)
    assert torch.equal(model._unpatchify(tokens), x)
    assert torch.equal(tokens[0, 6].view(3, 3, 2, 2).transpose(0, 1), x[0, 3:6, :, :2, :2]), (
        "a frame's patches later: the next tubelet"
    )


def test_patches_return_to_their_places() -> None:
    spec, shape = PATCHES
    model = model_of(spec, shape)
    x = torch.randn(2, shape.frames, shape.channels, shape.height, shape.width)
    tokens = model._patchify(x)
    assert tokens.shape == (2, 3 * 2 * 3, 4 * 2 * 2)
    assert torch.equal(model._unpatchify(tokens), x)
    assert torch.equal(tokens[0, 1].view(4, 2, 2), x[0, 0, :, :2, 2:4]), (
        "token 1 is the patch to the right of token 0"
    )


@EVERY
def test_attention_depends_on_distance_not_on_place(spec: DiTSpec, shape: BackboneShape) -> None:
    """Rotary positions: the product of a query and a key is the same for all pairs of tokens at one
    distance in time."""
    model = model_of(spec, shape)
    query, key = torch.randn(2, spec.head_width)
    times, tokens = model.grid[0], math.prod(model.grid)
    q = Rotate.apply(query.expand(tokens, -1), model.rotary_cos, model.rotary_sin)
    k = Rotate.apply(key.expand(tokens, -1), model.rotary_cos, model.rotary_sin)
    frame = tokens // times
    scores = (q @ k.T).reshape(times, frame, times, frame)
    torch.testing.assert_close(scores[0, 0, 1], scores[1, 0, 2], rtol=1e-4, atol=1e-4)
    assert (scores[0, 0, 0, 0] - scores[0, 0, 1, 0]).abs() > 1e-4
    if frame > 1:
        assert (scores[0, 0, 0] - scores[0, 0, 0, 0]).abs()[1:].min() > 1e-4, (
            "places within a frame differ"
        )


def test_written_out_derivatives_are_right() -> None:
    x = torch.randn(3, 4, 6, dtype=torch.float64, requires_grad=True)
    angle = torch.rand(4, 3, dtype=torch.float64)
    cos, sin = torch.cat((angle.cos(), angle.cos()), -1), torch.cat((-angle.sin(), angle.sin()), -1)
    assert torch.autograd.gradcheck(lambda x: Rotate.apply(x, cos, sin), x)
    assert torch.autograd.gradcheck(SquaredReLU.apply, x)
    torch.testing.assert_close(Rotate.apply(x, cos, sin).norm(dim=-1), x.norm(dim=-1))


@pytest.mark.parametrize("name", [name for name in SIZES if name.startswith("d")])
def test_every_ladder_size_makes_a_forward_pass(name: str) -> None:
    shape = denoiser_shape(frames=16, channels=32)
    assert DiT(SIZES[name], shape=shape)(*inputs(shape)).shape == (2, 16, 32, 1, 1)


def test_wrong_cases_say_what_is_allowed() -> None:
    with pytest.raises(UserError, match=r"width=18: must be a multiple of 2 x heads=4"):
        DiTSpec(width=18, depth=1, heads=2)
    with pytest.raises(UserError, match=r"depth=0: must be at least 1"):
        DiTSpec(width=16, depth=0, heads=2)
    with pytest.raises(UserError, match=r"patch=2: must divide the latent frame 1 x 1"):
        DiT(
            DiTSpec(width=16, depth=1, heads=1, patch=2), shape=denoiser_shape(frames=4, channels=3)
        )
