"""What only GPUs can prove of training; `python -m pytest -m gpu -s tests/gpu/test_train_gpu.py` on
a machine that has them."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_codec import VaeCodec
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal
from physscale.model.sizes import SIZES
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.run.codec import codec_of
from physscale.run.peak_flops import product_flops_per_s
from physscale.run.spec import CodecRecipe
from physscale.simulate.simulate import simulate
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import begin, train_step
from tests.paths import ROOT
from tests.shapes import denoiser_shape
from tests.tiny import tiny_run

SHAPE = denoiser_shape(frames=16, channels=4, height=32, width=32)
FLOW = FlowSpec(condition_frames=3).build()

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="two CUDA devices are needed")
@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_shards_on_two_gpus_equal_one_gpu(tmp_path: Path, optimiser: str) -> None:
    losses = []
    for world, parallel in ((1, "ddp"), (2, "ddp"), (2, "fsdp")):
        folder = tmp_path / f"{world}-{parallel}"
        folder.mkdir()
        job = {
            "name": "job",
            "folder": "job",
            "fields": {"steps": 20, "optimiser": optimiser, "parallel": parallel},
        }
        command = [sys.executable, "-m", "tests.unit.train.one_worker", str(folder)]
        workers = [
            subprocess.Popen([*command, str(rank), str(world), json.dumps([job]), "cuda"], cwd=ROOT)
            for rank in range(world)
        ]
        assert [worker.wait(timeout=300) for worker in workers] == [0] * world
        losses.append(torch.tensor(json.loads((folder / "job.0.json").read_text())["losses"]))
    torch.testing.assert_close(losses[1], losses[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(losses[2], losses[0], atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def measured() -> dict[str, tuple[float, float]]:
    """Milliseconds a step and peak GB of DiT-S by choice."""
    choices: dict[str, dict[str, Any]] = {
        "plain": {},
        "bf16": {"precision": "bf16"},
        "recompute": {"recompute": "block"},
        "bf16 compiled": {"precision": "bf16", "compile": "block"},
    }
    found = {name: pace(**fields) for name, fields in choices.items()}
    peak = product_flops_per_s("cuda", dtype=torch.bfloat16)
    print(f"\n{torch.cuda.get_device_name()}: {peak / 1e12:.0f} TFLOP/s in large bfloat16 products")
    for name, (milliseconds, gigabytes) in found.items():
        print(f"{name:14} {milliseconds:8.1f} ms a step {gigabytes:6.1f} GB at most")
    return found


def pace(**fields: Any) -> tuple[float, float]:
    spec = TrainSpec(steps=100, batch=16, **fields)
    state = begin(SIZES["S"], train=spec, shape=SHAPE, seed=0, device="cuda")
    videos = normal(0, stream=Stream.SAMPLE, counter=0, shape=(16, 16, 4, 32, 32)).cuda()
    torch.cuda.reset_peak_memory_stats()
    begun_s = 0.0
    for step in range(30):
        if step == 10:
            torch.cuda.synchronize()
            begun_s = time.perf_counter()
        train_step(state, videos, seed=0, train=spec, objective=FLOW, workers=Workers())
    torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - begun_s) / 20, torch.cuda.max_memory_allocated() / 1e9


def test_narrow_products_are_faster(measured: dict[str, tuple[float, float]]) -> None:
    assert measured["bf16"][0] < measured["plain"][0]


def test_compiled_blocks_are_faster(measured: dict[str, tuple[float, float]]) -> None:
    assert measured["bf16 compiled"][0] < measured["bf16"][0]


def test_recomputed_blocks_need_less_memory(measured: dict[str, tuple[float, float]]) -> None:
    assert measured["recompute"][1] < 0.6 * measured["plain"][1]


def test_a_vae_is_trained_and_used_on_the_gpu_with_every_part_of_its_loss(tmp_path: Path) -> None:
    run = replace(tiny_run(), canvas=Canvas(size_px=32))
    spec = VaeSpec(widths=(16, 32), groups=8, latent_channels=4)
    training = VaeTraining(steps=20, batch=2, frames=2, perceptual_weight=0.1, adversary_weight=0.1)
    run = replace(run, codec=CodecRecipe(spec=spec, corpus=run.codec.corpus, training=training))
    codec = codec_of(run, store=Store(tmp_path), device="cuda")
    assert isinstance(codec, VaeCodec)
    assert {parameter.device.type for parameter in codec.vae.parameters()} == {"cuda"}
    pixels = render(simulate(run.data, indices=np.arange(2)), canvas=run.canvas)
    there, here = codec.encode(pixels), codec.on("cpu").encode(pixels)
    torch.testing.assert_close(there, here, atol=1e-2, rtol=1e-2)  # convolutions in TF32
    assert (
        np.abs(codec.on("cuda").decode(there).astype(int) - codec.on("cpu").decode(here)).max() <= 4
    )
