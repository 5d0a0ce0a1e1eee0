"""The bound on what a trained model needs is above what torch would hold, for the sizes and frames
that a plan names: tensors without contents (FakeTensor) counted as they come and go."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.conditioning_spec import TextSpec
from physscale.model.sizes import SIZES
from physscale.model.unet_spec import UNetSpec
from physscale.records.latent_shape import LatentShape
from physscale.run.inference import Inference, parts_of
from physscale.run.inference_memory import WORKING_BYTES, inference_bytes, videos_at_once
from physscale.run.spec import RunSpec
from tests.fake_memory import Live, fake_conditioning
from tests.tiny import tiny_run

CARD_BYTES = 80e9
LOOSE = 6
"""The bound is at most so many times what is needed: it would be no use otherwise."""

TEXT = TextSpec(tokens=512, width=256, depth=3, heads=4)
DIFFUSION = FlowSpec(prediction="v", sampler_steps=2)
HEUN = FlowSpec(
    prediction="v", sampler="heun", sampler_steps=2, guidance=1.5, condition_dropout=0.1
)
SMALL = LatentShape(8, 4, 16, 16)
SHALLOW = replace(SIZES["S"], depth=2)


def fullest(
    model: BackboneSpec,
    *,
    objective: ObjectiveSpec,
    shape: LatentShape,
    videos: int,
    at_once: int,
    precision: Any,
) -> tuple[int, int]:
    """Bytes of the weights, and the most bytes beside them while so many videos on the device are
    measured and sampled."""
    with FakeTensorMode(allow_non_fake_inputs=True), Live() as live:
        network = model.build(objective.backbone_shape(shape)).eval().requires_grad_(False)
        inference = Inference(
            model=network, objective=objective.build(), at_once=at_once, precision=precision
        )
        latents = torch.empty(videos, shape.frames, shape.channels, shape.height, shape.width)
        weights = live.most = live.bytes
        options: dict[str, Any] = {"indices": range(videos)}
        options["conditioning"] = fake_conditioning(model, batch=videos)
        inference.held_out(latents, **options)
        given = latents[:, : objective.condition_frames]
        inference.sample(given, frames=shape.frames, seed=0, **options)
        return weights, live.most - weights


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("model", "objective", "shape", "videos"),
    [
        (SHALLOW, DIFFUSION, SMALL, 2),
        (SHALLOW, HEUN, SMALL, 2),
        (SHALLOW, AutoregressiveSpec(), SMALL, 2),
        (SIZES["d16"], DIFFUSION, LatentShape(32, 32), 32),
        (UNetSpec(width=64), DIFFUSION, SMALL, 4),
        (replace(SHALLOW, conditioning="text", text=TEXT), DIFFUSION, SMALL, 2),
    ],
    ids=["S", "heun", "next-frame", "d16", "unet", "text"],
)
def test_the_bound_is_above_the_fullest_moment(
    model: BackboneSpec, objective: ObjectiveSpec, shape: LatentShape, videos: int, precision: Any
) -> None:
    _, held = fullest(
        model,
        objective=objective,
        shape=shape,
        videos=videos,
        at_once=videos,
        precision=precision,
    )
    bound = inference_bytes(
        model, objective=objective, shape=shape, videos=videos, bf16=precision == "bf16"
    )
    assert held <= bound <= LOOSE * held


def paper_sized(size: str, *, size_px: int, precision: Any) -> RunSpec:
    run = tiny_run()
    return replace(
        run,
        data=replace(run.data, frames=32),
        canvas=replace(run.canvas, size_px=size_px),
        codec=replace(run.codec, spec=VaeSpec(widths=(128, 256, 512, 512)), training=VaeTraining()),
        model=SIZES[size],
        objective=DIFFUSION,
        score_precision=precision,
    )


CASES = list(itertools.product(("S", "B", "L", "XL"), (128, 256), ("fp32", "bf16")))


@pytest.mark.parametrize(
    ("size", "size_px", "precision"),
    [
        pytest.param(*case, marks=[] if case == ("XL", 256, "fp32") else [pytest.mark.slow])
        for case in CASES
    ],
)
def test_scoring_and_validation_fit_beside_a_training(
    size: str, size_px: int, precision: Any
) -> None:
    """256 videos, in the run's own parts: far below the card that a plan names."""
    run = paper_sized(size, size_px=size_px, precision=precision)
    shape = LatentShape(32, 4, size_px // 8, size_px // 8)
    assert run.codec.spec.latents(frames=32, size_px=size_px) == shape
    at_once = videos_at_once(run)
    assert at_once >= 1
    weights, held = fullest(
        run.model,
        objective=run.objective,
        shape=shape,
        videos=at_once,
        at_once=at_once,
        precision=precision,
    )
    parts = parts_of(256, at_once=at_once)
    assert max(part.stop - part.start for part in parts) <= at_once
    trained = 6 * weights
    """Values, gradients, two moments, average, and the copy that is looked at."""
    assert held <= WORKING_BYTES
    assert trained + held <= CARD_BYTES / 2


def test_parts_are_few_and_nearly_equal() -> None:
    for count, at_once in ((1, 32), (32, 32), (33, 32), (96, 32), (100, 9)):
        parts = parts_of(count, at_once=at_once)
        sizes = [part.stop - part.start for part in parts]
        assert len(parts) == -(-count // at_once)
        assert max(sizes) <= at_once
        assert max(sizes) - min(sizes) <= 1
        assert [row for part in parts for row in range(count)[part]] == list(range(count))
