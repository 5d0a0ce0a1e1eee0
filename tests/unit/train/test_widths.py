"""Coordinate check of muP (arXiv 2203.03466, appendix D): after a few steps at one rate,
activations are of one size at every width."""

from dataclasses import replace

import pytest
import torch

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal
from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import begin, train_step
from physscale.train.wrap import rate_factors
from tests.shapes import denoiser_shape

WIDTHS = (32, 64, 128, 256)
SHAPE = denoiser_shape(frames=6, channels=4)
FLOW = FlowSpec(condition_frames=1).build()
VIDEOS = normal(0, stream=Stream.SAMPLE, counter=0, shape=(16, 6, 4, 1, 1))
SEEN = (
    "embed",
    "time",
    "modulate",
    "blocks.0.attention.qkv",
    "blocks.1.attention.out",
    "blocks.1.mlp.down",
    "head",
)
STEPS = 6


def spec_of(width: int) -> DiTSpec:
    """Heads of one width, more of them."""
    return DiTSpec(width=width, depth=2, heads=width // 16, activation="gelu")


def changes(width: int, *, train: TrainSpec) -> dict[str, float]:
    """Root mean square of how the outputs of each layer change over the steps, on one input."""
    state = begin(spec_of(width), train=train, shape=SHAPE, seed=0, device="cpu")
    before = outputs(state.model)
    for _ in range(STEPS):
        train_step(state, VIDEOS, seed=0, train=train, objective=FLOW, workers=Workers())
    return {
        name: float((after - before[name]).square().mean().sqrt())
        for name, after in outputs(state.model).items()
    }


@torch.no_grad()
def outputs(model: DiT) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    layers = dict(model.named_modules())
    handles = [
        layers[name].register_forward_hook(
            lambda _, __, output, name=name: found.__setitem__(name, output.clone())
        )
        for name in SEEN
    ]
    model(
        normal(0, stream=Stream.SAMPLE, counter=1, shape=(4, 6, 9, 1, 1)), torch.linspace(0.1, 1, 4)
    )
    for handle in handles:
        handle.remove()
    return found


def growth(train: TrainSpec) -> dict[str, float]:
    """Of each layer: exponent of the change in the width, a slope of least squares on
    logarithms."""
    found = [changes(width, train=train) for width in WIDTHS]
    log_width = torch.tensor(WIDTHS).double().log()
    log_width -= log_width.mean()
    slopes = {}
    for name in SEEN:
        log_change = torch.tensor([change[name] for change in found]).double().log()
        slopes[name] = float((log_width * log_change).sum() / log_width.square().sum())
    return slopes


def test_changes_are_of_one_size_at_every_width_under_mup_and_grow_without_it() -> None:
    train = TrainSpec(
        steps=100,
        batch=16,
        optimiser="adamw",
        learning_rate=4e-3,
        warmup_steps=0,
        clip_norm=1e9,
        weight_decay=0.0,
    )
    scaled = growth(replace(train, parametrisation="mup", base_width=32))
    standard = growth(train)
    assert all(abs(slope) < 0.15 for slope in scaled.values()), scaled
    hidden = [name for name in SEEN if name not in ("embed", "head")]
    assert all(standard[name] > 0.4 for name in hidden), standard
    assert standard["head"] > scaled["head"] + 0.1, (standard, scaled)


@pytest.mark.parametrize("width", WIDTHS)
def test_rates_fall_with_the_fan_in_of_matrices_and_nothing_else(width: int) -> None:
    model = DiT(spec_of(width), shape=SHAPE)
    rates = rate_factors(
        spec_of(width), model=model, train=TrainSpec(parametrisation="mup", base_width=64)
    )
    assert rates is not None
    assert rates.keys() == dict(model.named_parameters()).keys()
    for name in (
        "blocks.0.attention.qkv.weight",
        "blocks.1.mlp.down.weight",
        "modulate.weight",
        "head.weight",
        "time.2.weight",
    ):
        assert rates[name] == 64 / width
    for name in ("embed.weight", "blocks.0.mlp.up.bias", "block_bias", "head_bias", "head.bias"):
        assert rates[name] == 1.0
    assert rate_factors(spec_of(width), model=model, train=TrainSpec()) is None


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_at_the_base_width_mup_is_the_standard_training(optimiser: str) -> None:
    train = TrainSpec(steps=100, batch=16, optimiser=optimiser, warmup_steps=0)
    states = [
        begin(spec_of(32), train=spec, shape=SHAPE, seed=0, device="cpu")
        for spec in (train, replace(train, parametrisation="mup", base_width=32))
    ]
    for state in states:
        for _ in range(3):
            train_step(state, VIDEOS, seed=0, train=train, objective=FLOW, workers=Workers())
    assert torch.equal(states[0].losses, states[1].losses)
