"""Choices of how a step is computed change its result by rounding at most; those of what is learned
do what they say."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from physscale.flow.noise import Stream, normal
from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.model.on_cpu import NARROWEST
from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.records.spec import canonical
from physscale.train.checkpoint import recipe
from physscale.train.loop import train
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec, learning_rate_factor
from physscale.train.step import backward, begin, part_of, train_step
from physscale.train.task import TrainResult
from physscale.train.weights import WholeWeights
from tests.paths import ROOT
from tests.shapes import denoiser_shape

from .compiled import FLOW, MODEL, SHAPE, VIDEOS, gradients
from .tasks import PlainContext, small_task


@pytest.fixture(scope="module")
def plain_gradients() -> torch.Tensor:
    return gradients()


def test_recomputed_blocks_have_the_same_gradients_and_keep_less(
    plain_gradients: torch.Tensor,
) -> None:
    assert torch.equal(gradients(recompute="block"), plain_gradients)
    assert torch.equal(gradients(recompute="selective"), plain_gradients)
    assert kept_bytes(recompute="block") < 0.4 * kept_bytes()


def kept_bytes(**fields: Any) -> int:
    """Of all tensors that the forward pass saves for the backward pass."""
    spec = TrainSpec(batch=8, **fields)
    state = begin(MODEL, train=spec, shape=SHAPE, seed=0, device="cpu")
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    share = FLOW.draw(VIDEOS, part=part_of(step=0, seed=0, train=spec, workers=Workers()))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        share.loss(state.model, rows=slice(8))
    weights = {parameter.untyped_storage().data_ptr() for parameter in state.model.parameters()}
    return sum(size for where, size in kept.items() if where not in weights)


@pytest.mark.parametrize("conditioning", ["numbers", "text"])
def test_choices_of_a_model_with_conditioning_change_rounding_alone(conditioning: Any) -> None:
    plain = gradients(conditioning=conditioning)
    assert plain.isfinite().all()
    assert torch.equal(gradients(conditioning=conditioning, recompute="block"), plain)
    torch.testing.assert_close(
        gradients(conditioning=conditioning, accumulate=3), plain, atol=1e-6, rtol=1e-4
    )
    apart = (gradients(conditioning=conditioning, precision="bf16") - plain).norm() / plain.norm()
    assert 1e-4 < apart < 0.1, "bfloat16 has 8 bits"


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_a_batch_in_parts_is_the_batch(plain_gradients: torch.Tensor, parts: int) -> None:
    torch.testing.assert_close(gradients(accumulate=parts), plain_gradients, atol=1e-6, rtol=1e-4)


def test_parts_with_frames_withheld_from_some_are_the_batch(tmp_path: Path) -> None:
    def losses(folder: Path, parts: int) -> torch.Tensor:
        task = small_task(folder, steps=8, accumulate=parts)
        return train(
            replace(task, objective=replace(task.objective, condition_dropout=0.5)),
            context=PlainContext(),
        ).losses

    torch.testing.assert_close(
        losses(tmp_path / "parts", 4), losses(tmp_path / "whole", 1), atol=1e-6, rtol=1e-5
    )


def test_more_parts_than_videos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"accumulate=9: must be at most the 8 videos of a worker's share"
    ):
        train(small_task(tmp_path, accumulate=9), context=PlainContext())


def test_products_in_bfloat16_train_float32_weights_to_nearly_the_same_loss(tmp_path: Path) -> None:
    def result(name: str, **fields: Any) -> TrainResult:
        task = small_task(tmp_path / name, steps=80, optimiser="adamw", **fields)
        return train(
            replace(task, model=DiTSpec(width=32, depth=2, heads=1)), context=PlainContext()
        )

    wide, narrow = result("wide"), result("narrow", precision="bf16")
    assert not torch.equal(wide.losses, narrow.losses)
    for tenth in range(0, 80, 10):
        ours, theirs = (
            float(losses[tenth : tenth + 10].mean()) for losses in (narrow.losses, wide.losses)
        )
        assert ours == pytest.approx(theirs, rel=0.1)
    assert narrow.losses[-10:].mean() < 0.5 * narrow.losses[0]
    assert {parameter.dtype for parameter in narrow.model.parameters()} == {torch.float32}
    assert torch.equal(result("again", precision="bf16").losses, narrow.losses)


def test_products_in_bfloat16_really_are(plain_gradients: torch.Tensor) -> None:
    apart = (gradients(precision="bf16") - plain_gradients).norm() / plain_gradients.norm()
    assert 1e-4 < apart < 0.05, "bfloat16 has 8 bits"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("more", "within"),
    [
        ({}, 1e-5),
        ({"precision": "bf16", "recompute": "block"}, 0.02),
        ({"recompute": "selective"}, 1e-5),
        ({"conditioning": "numbers"}, 1e-5),
        ({"conditioning": "text"}, 1e-5),
        ({"width": NARROWEST}, 1e-5),
    ],
    ids=str,
)
def test_compiled_blocks_have_the_same_gradients(more: dict[str, Any], within: float) -> None:
    command = [sys.executable, "-m", "tests.unit.train.compiled", json.dumps(more)]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert float(said[0]) < within
    assert int(said[1]) == 0, "a block is one graph"
    assert int(said[2]) > 0


@pytest.mark.slow
def test_a_process_compiles_the_blocks_of_as_many_models_as_it_trains() -> None:
    """Nine, where torch's own limit is eight shapes of one function."""
    program = (
        "from tests.unit.train.compiled import *; "
        "[gradients(width=8 * (2 + more), compile='block') for more in range(9)]"
    )
    counted = "print(torch._dynamo.utils.counters['frames'])"
    command = [sys.executable, "-c", f"{program}; {counted}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "recompile_limit" not in said.stderr
    assert "'ok': 9" in said.stdout


def test_a_step_of_dit_s_is_taken() -> None:
    """22.5 million parameters, on 4 frames of 8 x 8 latents: the shape is small, the model is the
    paper's."""
    shape, spec = (
        denoiser_shape(frames=4, channels=4, height=8, width=8),
        TrainSpec(steps=3, batch=2, optimiser="adamw", warmup_steps=0),
    )
    state = begin(SIZES["S"], train=spec, shape=shape, seed=0, device="cpu")
    videos = normal(0, stream=Stream.SAMPLE, counter=0, shape=(2, 4, 4, 8, 8))
    losses = [
        train_step(state, videos, seed=0, train=spec, objective=FLOW, workers=Workers()).loss
        for _ in range(2)
    ]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("size", "optimiser"),
    [("S", "adamw"), ("B", "adamw"), ("L", "adamw"), ("XL", "adamw"), ("XL", "muon")],
)
def test_a_step_of_every_size_has_the_shapes_it_must_have(size: str, optimiser: str) -> None:
    """Forward, backward, optimiser and average on tensors without memory (FakeTensor), at 16 frames
    of 32 x 32 latents."""
    shape, spec = (
        denoiser_shape(frames=16, channels=4, height=32, width=32),
        TrainSpec(batch=4, optimiser=optimiser),
    )
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = DiT(SIZES[size], shape=shape)
        model.initialise(torch.Generator())
        weights = WholeWeights.of(model, spec=spec, rates=None)
        part = part_of(step=0, seed=0, train=spec, workers=Workers())
        share = FLOW.draw(torch.empty(4, 16, 4, 32, 32), part=part)
        weights.zero_gradients()
        assert backward(model, share, train=spec).shape == ()
        weights.update(step=0, factor=1.0, alive=torch.ones(()))
        named = dict(model.named_parameters())
        assert all(
            parameter.grad is not None and parameter.grad.shape == parameter.shape
            for parameter in named.values()
        )
    count = sum(parameter.numel() for parameter in named.values())
    assert count == SIZES[size].parameters(shape)


def test_cosine_falls_along_half_a_cosine() -> None:
    spec = TrainSpec(steps=100, warmup_steps=0, decay_fraction=1.0, schedule="cosine")
    factors = [learning_rate_factor(spec, step=step) for step in range(100)]
    assert factors == pytest.approx(
        [0.5 + 0.5 * math.cos(math.pi * step / 100) for step in range(100)]
    )
    held = replace(spec, decay_fraction=0.4, warmup_steps=10)
    assert [learning_rate_factor(held, step=step) for step in (4, 30, 60, 80)] == pytest.approx(
        [0.5, 1.0, 1.0, 0.5]
    )


def test_adams_second_decay_is_the_one_asked_for(tmp_path: Path) -> None:
    def last(beta: float) -> TrainResult:
        return train(
            small_task(tmp_path / str(beta), steps=5, optimiser="adamw", adam_beta_2=beta),
            context=PlainContext(),
        )

    assert not torch.equal(last(0.999).losses, last(0.95).losses)


def test_new_choices_leave_old_names_alone_and_how_a_step_is_computed_leaves_checkpoints_alone(
    tmp_path: Path,
) -> None:
    old = (
        '{"batch":32,"clip_norm":1.0,"decay_fraction":0.5,"ema_decay":0.99,"learning_rate":0.002,'
        '"muon_learning_rate":0.02,"optimiser":"muon","steps":1500,"type":"TrainSpec",'
        '"warmup_steps":50,"weight_decay":0.01}'
    )
    looked = TrainSpec(validate_every=5, sample_every=7)
    saved = TrainSpec(checkpoint_every=9, checkpoint_minutes=0.5)
    assert canonical(TrainSpec()) == canonical(looked) == canonical(saved) == old
    assert canonical(TrainSpec(parallel="fsdp")) != old
    plain = recipe(small_task(tmp_path))
    assert (
        recipe(
            small_task(tmp_path, parallel="fsdp", accumulate=2, recompute="block", compile="block")
        )
        == plain
    )
    for field in ({"precision": "bf16"}, {"flip": "horizontal"}, {"parametrisation": "mup"}):
        assert recipe(small_task(tmp_path, **field)) != plain


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"accumulate": 0}, "accumulate=0: must be at least 1"),
        ({"validate_every": -1}, "validate_every=-1: must be at least 0"),
        ({"adam_beta_2": 1.0}, "adam_beta_2=1.0: must be at least 0 and below 1"),
    ],
)
def test_wrong_numbers_are_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TrainSpec(**fields)
