"""A model conditioned on numbers or a text begins as the one that is not, then listens; what is
dropped from it cannot matter."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from physscale.flow.condition import dropped_out
from physscale.model.conditioning_spec import (
    CHARACTERS,
    NUMBERS_A_BODY,
    TextSpec,
    check_conditioning,
)
from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.records.errors import UserError
from physscale.records.spec import canonical, from_plain, plain
from tests.shapes import denoiser_shape

from .test_dit import inputs, model_of

PLAIN = DiTSpec(width=24, depth=2, heads=2, patch=2)
SHAPE = denoiser_shape(frames=3, channels=4, height=4, width=6)
NUMBERS = replace(PLAIN, conditioning="numbers", bodies=3)
TEXT = replace(PLAIN, conditioning="text", text=TextSpec(tokens=12, width=8, depth=1, heads=2))
FEATURES = replace(
    PLAIN,
    conditioning="text",
    text=TextSpec(tokens=5, width=8, encoder="some.where:encoder", features=7),
)
TOLD = pytest.mark.parametrize(
    "spec", [NUMBERS, TEXT, FEATURES], ids=["numbers", "characters", "features"]
)


def conditioning_for(spec: DiTSpec, *, batch: int = 2, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if spec is TEXT:
        return torch.randint(1, CHARACTERS, (batch, spec.text.tokens), generator=generator)
    shape = (
        (spec.bodies, NUMBERS_A_BODY) if spec is NUMBERS else (spec.text.tokens, spec.text.features)
    )
    return torch.randn(batch, *shape, generator=generator)


def fresh(spec: DiTSpec) -> DiT:
    model = DiT(spec, shape=SHAPE)
    model.initialise(torch.Generator().manual_seed(0))
    return model


@TOLD
def test_weights_of_the_plain_model_are_the_same(spec: DiTSpec) -> None:
    more, plain_ones = fresh(spec).state_dict(), fresh(PLAIN).state_dict()
    assert plain_ones.keys() < more.keys()
    assert all(torch.equal(more[name], tensor) for name, tensor in plain_ones.items())


@pytest.mark.parametrize("spec", [TEXT, FEATURES], ids=["characters", "features"])
def test_a_model_conditioned_on_text_begins_as_the_one_that_is_not(spec: DiTSpec) -> None:
    reading, alone = fresh(spec), fresh(PLAIN)
    with torch.no_grad():
        for model in (reading, alone):
            model.head.weight.normal_(generator=torch.Generator().manual_seed(3))
    x, t = inputs(SHAPE)
    assert alone(x, t).any()
    assert torch.equal(reading(x, t, conditioning_for(spec)), alone(x, t))


@TOLD
def test_conditioning_changes_every_frame_of_its_own_video_alone(spec: DiTSpec) -> None:
    model, (x, t), conditioning = model_of(spec, SHAPE), inputs(SHAPE), conditioning_for(spec)
    other = torch.cat((conditioning[:1], conditioning_for(spec, seed=5)[1:]))
    apart = (model(x, t, other) - model(x, t, conditioning)).abs().amax(dim=(2, 3, 4))
    assert apart[0].max() == 0
    assert apart[1].min() > 1e-6


@TOLD
def test_every_parameter_gets_a_gradient(spec: DiTSpec) -> None:
    model = model_of(spec, SHAPE)
    model(*inputs(SHAPE), conditioning_for(spec)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@TOLD
def test_low_precision_stays_close(spec: DiTSpec) -> None:
    model, (x, t), conditioning = model_of(spec, SHAPE), inputs(SHAPE), conditioning_for(spec)
    exact = model(x, t, conditioning)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        close = model(x, t, conditioning).float()
    assert (close - exact).square().mean() < 1e-3 * exact.square().mean()


@TOLD
def test_withheld_conditioning_says_nothing(spec: DiTSpec) -> None:
    conditioning = conditioning_for(spec)
    kept = dropped_out(conditioning, dropped=torch.tensor([True, False]))
    assert not kept[0].any()
    assert torch.equal(kept[1], conditioning[1])
    assert torch.equal(dropped_out(conditioning, dropped=None), conditioning)


def test_the_order_of_bodies_says_nothing() -> None:
    model, (x, t), conditioning = model_of(NUMBERS, SHAPE), inputs(SHAPE), conditioning_for(NUMBERS)
    torch.testing.assert_close(
        model(x, t, conditioning.flip(1)), model(x, t, conditioning), rtol=1e-4, atol=1e-5
    )


def test_the_order_of_characters_matters() -> None:
    model, (x, t), conditioning = model_of(TEXT, SHAPE), inputs(SHAPE), conditioning_for(TEXT)
    assert (model(x, t, conditioning.flip(1)) - model(x, t, conditioning)).abs().max() > 1e-4


def test_a_conditioned_model_asks_for_its_conditioning() -> None:
    with pytest.raises(AssertionError, match="needs it"):
        fresh(TEXT)(*inputs(SHAPE))


def test_without_conditioning_a_model_keeps_its_name_and_the_others_come_back_from_theirs() -> None:
    assert canonical(PLAIN) == (
        '{"activation":"relu2","depth":2,"heads":2,"mlp_ratio":4,"patch":2,"type":"DiTSpec",'
        '"width":24}'
    )
    for spec in (PLAIN, NUMBERS, TEXT, FEATURES):
        assert from_plain(DiTSpec, plain(spec)) == spec
    assert len({canonical(spec) for spec in (PLAIN, NUMBERS, TEXT, FEATURES)}) == 4


def test_wrong_cases_say_what_is_allowed() -> None:
    with pytest.raises(
        UserError, match=r"model conditioning='words': allowed are none, numbers, text"
    ):
        check_conditioning("words")
    with pytest.raises(UserError, match=r"model bodies=0: must be at least 1"):
        replace(PLAIN, bodies=0)
    with pytest.raises(UserError, match=r"text width=6: must be a multiple of 2 x heads=4"):
        TextSpec(width=6)
    with pytest.raises(
        UserError, match=r"text encoder='t5': write characters, or package.module:function"
    ):
        TextSpec(encoder="t5", features=4)
    with pytest.raises(UserError, match=r"text features=0: above 0 with an encoder of one's own"):
        TextSpec(encoder="my.own:t5")
