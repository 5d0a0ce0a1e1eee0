"""Sampling in the run's own parts beside all videos at once, as it was: videos per second of
processor time, and by FakeTensor the most bytes that either holds. Two blocks of S, 256 px."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal, torch_seed
from physscale.model.backbone import Backbone
from physscale.model.sizes import SIZES
from physscale.records.latent_shape import LatentShape
from physscale.run.inference import Inference
from physscale.run.inference_memory import WORKING_BYTES, inference_bytes
from tests.fake_memory import Live

MODEL = replace(SIZES["S"], depth=2)
SHAPE = LatentShape(8, 4, 32, 32)
FLOW = FlowSpec(prediction="v", sampler_steps=1)
VIDEOS, ROUNDS = 24, 3
PAPER = LatentShape(32, 4, 32, 32)
ALL = 256


def run() -> dict[str, Any]:
    at_once = fitting(SHAPE)
    parts, together = (timed(count) for count in (min(at_once, VIDEOS // 3), VIDEOS))
    held = {count: fullest(count) for count in (fitting(PAPER), ALL)}
    few, many = held.values()
    return {
        "name": "sample_chunks",
        "ours": parts,
        "peer": together,
        "ratio": parts / together,
        "unit": "videos/s",
        "note": f"peer: all at once; a DiT-S of 12 blocks, {ALL} videos of 32 x 256 px: "
        f"{few / 1e9:.2f} GB in parts of {fitting(PAPER)}, {many / 1e9:.0f} GB at once",
    }


def fitting(shape: LatentShape) -> int:
    """As many as fit into the working memory."""
    needed = inference_bytes(SIZES["S"], objective=FLOW, shape=shape, videos=1, bf16=False)
    return max(1, WORKING_BYTES // needed)


def built(depth: int, *, shape: LatentShape) -> Backbone:
    model = replace(MODEL, depth=depth).build(FLOW.backbone_shape(shape))
    return model.eval().requires_grad_(requires_grad=False)


def timed(at_once: int) -> float:
    """The best of a few rounds after one to warm up."""
    model = built(MODEL.depth, shape=SHAPE)
    model.initialise(torch_seed(0, stream=Stream.WEIGHTS))
    dimensions = (VIDEOS, FLOW.condition_frames, SHAPE.channels, SHAPE.height, SHAPE.width)
    given = normal(0, stream=Stream.SAMPLE, counter=1, shape=dimensions)
    draw = sampler(model, given=given, at_once=at_once, frames=SHAPE.frames)
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.process_time()
        draw()
        times.append(time.process_time() - begun)
    return float(VIDEOS / np.min(times[1:]))


def fullest(at_once: int) -> int:
    """Bytes beside the weights while one part is sampled."""
    with FakeTensorMode(allow_non_fake_inputs=True), Live() as live:
        model = built(SIZES["S"].depth, shape=PAPER)
        weights = live.most = live.bytes
        dimensions = (at_once, FLOW.condition_frames, PAPER.channels, PAPER.height, PAPER.width)
        sampler(model, given=torch.empty(dimensions), at_once=at_once, frames=PAPER.frames)()
        return live.most - weights


def sampler(
    model: Backbone, *, given: torch.Tensor, at_once: int, frames: int
) -> Callable[[], torch.Tensor]:
    inference = Inference(model=model, objective=FLOW.build(), at_once=at_once)
    rows = range(len(given))
    return lambda: inference.sample(given, frames=frames, indices=rows, seed=0)
