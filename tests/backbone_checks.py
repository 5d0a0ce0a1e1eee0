"""What every backbone keeps, whoever wrote it: each check takes a small spec and a shape."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from safetensors.torch import load, save
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from physscale.flow.noise import Stream, torch_seed
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.latent_shape import BackboneShape
from physscale.records.spec import canonical, from_plain, plain
from tests.shapes import denoiser_shape

__all__ = ["CHECKS", "SHAPES"]

SHAPES = {
    "whole frames": denoiser_shape(frames=7, channels=5),
    "pictures": denoiser_shape(frames=5, channels=3, height=6, width=4),
    "a window": BackboneShape(frames=4, inputs=4, channels=3, height=1, width=1),
}


def built(spec: BackboneSpec, *, shape: BackboneShape, seed: int = 0) -> Backbone:
    """With no weight at zero, so that every one of them counts."""
    model = spec.build(shape)
    generator = torch_seed(seed, stream=Stream.WEIGHTS)
    model.initialise(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def seen(shape: BackboneShape, *, videos: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    size = (videos, shape.frames, shape.inputs, shape.height, shape.width)
    return torch.randn(size, generator=generator), torch.linspace(0.2, 1, videos)


def keeps_the_shape_and_begins_by_predicting_zero(spec: BackboneSpec, shape: BackboneShape) -> None:
    model = spec.build(shape)
    model.initialise(torch_seed(0, stream=Stream.WEIGHTS))
    output = model(*seen(shape))
    assert output.shape == (3, *model.shape_of_video)
    assert not output.any()


def every_weight_gets_a_gradient_and_depends_on_the_seed_alone(
    spec: BackboneSpec, shape: BackboneShape
) -> None:
    model = built(spec, shape=shape)
    model(*seen(shape)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    fresh = [spec.build(shape) for _ in range(3)]
    for one, seed in zip(fresh, (0, 0, 1), strict=True):
        one.initialise(torch_seed(seed, stream=Stream.WEIGHTS))
    first, again, other = (torch.cat([p.flatten() for p in one.parameters()]) for one in fresh)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def videos_of_a_batch_do_not_meet(spec: BackboneSpec, shape: BackboneShape) -> None:
    model, (x, t) = built(spec, shape=shape), seen(shape)
    torch.testing.assert_close(model(x[1:2], t[1:2]), model(x, t)[1:2], atol=1e-5, rtol=1e-4)


def uses_the_time_and_every_frame(spec: BackboneSpec, shape: BackboneShape) -> None:
    """A later frame may change the first one: nothing here is causal."""
    model, (x, t) = built(spec, shape=shape), seen(shape, videos=1)
    later = x.clone()
    later[:, -1] += 1
    assert (model(later, t) - model(x, t))[:, 0].abs().max() > 1e-6
    assert (model(x, t / 2) - model(x, t)).abs().max() > 1e-6


def formulas_count_what_torch_counts(spec: BackboneSpec, shape: BackboneShape) -> None:
    model = built(spec, shape=shape)
    assert spec.parameters(shape) == sum(parameter.numel() for parameter in model.parameters())
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward:
        output = model(*seen(shape))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as backward:
        output.square().mean().backward()
    assert forward.get_total_flops() == 3 * spec.forward_flops(shape)
    counted = forward.get_total_flops() + backward.get_total_flops()
    assert counted == 3 * spec.training_flops(shape)


def matrices_and_fan_in_are_those_of_the_parameters(
    spec: BackboneSpec, shape: BackboneShape
) -> None:
    model = spec.build(shape)
    named = dict(model.named_parameters())
    for name, (rows, columns) in model.matrices().items():
        assert named[name].numel() % (rows * columns) == 0, name
    blocks = spec.memory(shape, videos=1, autocast="none").blocks
    assert len(blocks) == len(model.blocks)
    assert sum(block.numbers for block in blocks) == sum(
        named[name].numel() for name in model.matrices()
    )
    assert all(named[name].numel() % count == 0 for name, count in model.fan_in().items())
    wide = spec.at_width(2 * spec.width)
    assert wide.width == 2 * spec.width
    assert wide.build(shape).fan_in().keys() == model.fan_in().keys()


def features_of_a_frame_come_from_every_layer(spec: BackboneSpec, shape: BackboneShape) -> None:
    model, found = built(spec, shape=shape), {}
    for name, layer in model.layers().items():
        layer.register_forward_hook(
            lambda _, __, output, name=name: found.__setitem__(name, output)
        )
    model(*seen(shape))
    for name, output in found.items():
        features = model.frame_features(output, frame=shape.frames - 1)
        assert features.ndim == 4, name
        assert len(features) == 3, name
    assert found.keys() == model.layers().keys()


def is_saved_and_described(spec: Any, shape: BackboneShape) -> None:
    model, other = built(spec, shape=shape), spec.build(shape)
    other.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(other(*seen(shape)), model(*seen(shape)))
    assert from_plain(BackboneSpec, plain(spec)) == spec  # type: ignore[type-abstract]
    assert type(spec).__name__ in canonical(spec)
    assert replace(spec) == spec
    assert 0 < len(spec.description) < 20


CHECKS: dict[str, Callable[[Any, BackboneShape], None]] = {
    check.__name__: check
    for check in (
        keeps_the_shape_and_begins_by_predicting_zero,
        every_weight_gets_a_gradient_and_depends_on_the_seed_alone,
        videos_of_a_batch_do_not_meet,
        uses_the_time_and_every_frame,
        formulas_count_what_torch_counts,
        matrices_and_fan_in_are_those_of_the_parameters,
        features_of_a_frame_come_from_every_layer,
        is_saved_and_described,
    )
}
