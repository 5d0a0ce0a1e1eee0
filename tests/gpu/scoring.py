"""A trained model at work on test videos: memory, pace, and what bfloat16 changes."""

import time
from collections.abc import Iterator
from dataclasses import replace

import torch

from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal, torch_seed
from physscale.model.sizes import SIZES
from physscale.run.cost import backbone_shape, latent_shape
from physscale.run.inference import inference_of
from physscale.run.spec import RunSpec
from tests.gpu.row import Bench, Reading, Row
from tests.tiny import tiny_run

VIDEOS, COMPARED = 256, 8
CARD_GB = 80.0


def sampling(bench: Bench) -> Iterator[Reading]:
    """One step of the sampler for every video in bfloat16, in the run's parts; held-out losses of a
    few videos in both precisions."""
    narrow = scored(bench)
    wide = replace(narrow, score_precision="fp32")
    model = narrow.model.build(backbone_shape(narrow))
    model.initialise(generator := torch_seed(0, stream=Stream.WEIGHTS))
    with torch.no_grad():
        model.head.weight.normal_(std=0.02, generator=generator)
    model = model.eval().requires_grad_(requires_grad=False).to(bench.device)
    videos, compared = (4, 2) if bench.tiny else (VIDEOS, COMPARED)
    shape = latent_shape(narrow)
    latents = normal(
        0,
        stream=Stream.SAMPLE,
        counter=1,
        shape=(compared, shape.frames, shape.channels, shape.height, shape.width),
    )
    given = latents[:1, : narrow.objective.condition_frames].expand(videos, -1, -1, -1, -1)

    def sample() -> None:
        inference_of(narrow, model).sample(
            given, frames=shape.frames, indices=range(videos), seed=0
        )

    begun_s = time.perf_counter()
    peak_gb = bench.peak_bytes(sample) / 1e9
    taken_s = time.perf_counter() - begun_s
    yield Reading(name="pace", value=videos / taken_s, unit="videos/s per step of the sampler")
    if bench.device == "cuda":
        yield Reading(name="peak", value=peak_gb, at_most=CARD_GB, unit="GB")
    losses = [
        inference_of(run, model).held_out(latents, indices=range(compared)).as_trained.mean()
        for run in (wide, narrow)
    ]
    apart = float((losses[1] / losses[0] - 1).abs())
    yield Reading(name="loss, bf16 against fp32", value=apart, at_most=1e-2)


def scored(bench: Bench) -> RunSpec:
    run = tiny_run()
    flow = FlowSpec(prediction="v", path="cosine", shift=1.0, sampler_steps=1)
    if bench.tiny:
        return replace(run, objective=flow, score_precision="bf16")
    codec = replace(run.codec, spec=VaeSpec(widths=(128, 256, 512, 512)), training=VaeTraining())
    return replace(
        run,
        data=replace(run.data, frames=32),
        canvas=replace(run.canvas, size_px=256),
        codec=codec,
        model=SIZES["XL"],
        objective=flow,
        score_precision="bf16",
    )


ROWS = (
    Row(
        name="sampling",
        item="XL, 256 px: 256 videos sampled in bf16, in parts; held-out loss in bf16 and float32",
        passes="≤ 80 GB; losses ≤ 1e-2 apart; videos/s informs",
        measure=sampling,
    ),
)
