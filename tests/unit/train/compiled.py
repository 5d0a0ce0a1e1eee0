"""Gradients of a step with compiled blocks beside those without, as a process that checks no
shapes: dynamo would trace the checks.

`python -m tests.unit.train.compiled FIELDS` prints ‖difference‖ ÷ ‖gradients‖; FIELDS is JSON: the
width, further fields of the training."""

import json
import sys
from dataclasses import replace
from typing import Any

import torch

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal
from physscale.model.conditioning_spec import Conditioning, TextSpec
from physscale.model.dit_spec import DiTSpec
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import backward, begin, part_of, train_step
from physscale.train.weights import WholeWeights
from tests.shapes import denoiser_shape

from .tasks import small_conditioning

MODEL = DiTSpec(width=32, depth=2, heads=2, activation="gelu", patch=2)
SHAPE = denoiser_shape(frames=4, channels=3, height=4, width=4)
FLOW = FlowSpec(condition_frames=1).build()
VIDEOS = normal(0, stream=Stream.SAMPLE, counter=0, shape=(8, 4, 3, 4, 4))


def gradients(
    *, conditioning: Conditioning = "none", width: int = MODEL.width, **fields: Any
) -> torch.Tensor:
    """Of the third step, when no weight is zero any more (a text is first heard in the second)."""
    spec = TrainSpec(steps=4, batch=8, warmup_steps=0, **fields)
    model = replace(
        MODEL,
        width=width,
        conditioning=conditioning,
        text=TextSpec(tokens=6, width=4, depth=1, heads=1),
    )
    state, conditioning = (
        begin(model, train=spec, shape=SHAPE, seed=0, device="cpu"),
        small_conditioning(conditioning, videos=8),
    )
    for _ in range(2):
        train_step(
            state,
            VIDEOS,
            seed=0,
            train=spec,
            objective=FLOW,
            workers=Workers(),
            conditioning=conditioning,
        )
    state.weights.zero_gradients()
    part = part_of(step=2, seed=0, train=spec, workers=Workers())
    share = FLOW.draw(VIDEOS, part=part, conditioning=conditioning)
    backward(state.model, share, train=spec)
    assert isinstance(state.weights, WholeWeights)
    return state.weights.flat.gradients.clone()


if __name__ == "__main__":
    torch.set_num_threads(1)
    given: dict[str, Any] = json.loads(sys.argv[1])
    plain, compiled = gradients(**given), gradients(**given, compile="block")
    print(float((compiled - plain).norm() / plain.norm()))
    counted = torch._dynamo.utils.counters
    print(sum(counted["graph_break"].values()), counted["stats"]["unique_graphs"])
