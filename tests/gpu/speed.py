"""How fast a step is on a GPU: compiled beside eager, beside published code, and how long the card
waits for the host."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from physscale.flow.noise import Stream, normal
from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.records.latent_shape import BackboneShape
from physscale.records.metrics import read_metrics
from physscale.run.peak_flops import product_flops_per_s
from physscale.train import loop
from physscale.train.latents import LatentSet
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import begin, train_step
from physscale.train.task import TrainTask
from physscale.train.wrap import COMPILE_PAYS_STEPS
from tests.benchmarks.step_peers import PeerStep, peers
from tests.gpu.agreement import (
    FLOW,
    OBJECTIVE,
    S2,
    SEED,
    TINY,
    loss_and_gradients,
    relative,
    train_spec,
)
from tests.gpu.row import Bench, Reading, Row
from tests.shapes import denoiser_shape
from tests.unit.train.tasks import PlainContext

PAPER = denoiser_shape(32, 4, 16, 16)
"""2,048 tokens, as DiT-S to DiT-L see a video of 128 px."""

SQUARE = denoiser_shape(36, 4, 16, 16)
"""2,304 tokens: the nearest number of frames that diffusers' picture model can lay out."""

MFU = {"S": 0.25, "B": 0.35, "L": 0.40}
VIDEOS = {"S": 32, "B": 16, "L": 8}


def our_step(
    model: DiTSpec, *, shape: BackboneShape, train: TrainSpec, device: str
) -> Callable[[Tensor], object]:
    state = begin(model, train=train, shape=shape, seed=SEED, device=device)
    return lambda x0: train_step(
        state, x0, seed=SEED, train=train, objective=OBJECTIVE, workers=Workers()
    )


def bf16(*, batch: int, compiled: bool = False, recompute: bool = False) -> TrainSpec:
    return TrainSpec(
        steps=COMPILE_PAYS_STEPS - 1,  # a longer training would be compiled anyway
        batch=batch,
        optimiser="adamw",
        learning_rate=1e-4,
        precision="bf16",
        compile="block" if compiled else "none",
        recompute="block" if recompute else "none",
    )


def latents(shape: BackboneShape, *, videos: int, device: str) -> Tensor:
    size = (videos, shape.frames, shape.channels, shape.height, shape.width)
    return normal(SEED, stream=Stream.SAMPLE, counter=0, shape=size).to(device)


def compiled(bench: Bench) -> Iterator[Reading]:
    """Compiled blocks against eager ones, both in bf16 and recomputed."""
    model, shape, batch = (TINY.model, TINY.shape, 4) if bench.tiny else (SIZES["S"], PAPER, 32)
    x0 = latents(shape, videos=batch, device=bench.device)
    seconds = {}
    for way in (False, True):
        spec = bf16(batch=batch, compiled=way, recompute=True)
        step = our_step(model, shape=shape, train=spec, device=bench.device)
        for _ in range(2):
            step(x0)
        with torch.compiler.set_stance("fail_on_recompile"):
            seconds[way] = bench.seconds(lambda step=step: step(x0), times=2 if bench.tiny else 10)
    yield Reading(name="compiled", value=1e3 * seconds[True], unit="ms")
    limit = None if bench.tiny else 0.75
    yield Reading(name="of eager", value=seconds[True] / seconds[False], at_most=limit)
    workload = TINY if bench.tiny else S2
    _, reference = loss_and_gradients(workload, device="cpu", train=train_spec())
    narrow = train_spec(precision="bf16", recompute="block", compile="block")
    _, gradients = loss_and_gradients(workload, device=bench.device, train=narrow)
    yield Reading(name="gradients", value=relative(gradients, reference=reference), at_most=2e-2)


def throughput(bench: Bench) -> Iterator[Reading]:
    """Ours against diffusers' DiT and a plain DiT, all compiled, round by round."""
    peak = product_flops_per_s(bench.device, dtype=torch.bfloat16)
    for size in ("S",) if bench.tiny else ("S", "B", "L"):
        model, shape, batch = SIZES[size], SQUARE, VIDEOS[size]
        if bench.tiny:
            model, shape, batch = DiTSpec(width=16, depth=1, heads=1, patch=2), TINY_SQUARE, 2
        spec = bf16(batch=batch, compiled=not bench.tiny)
        steps: dict[str, Callable[[Tensor], object]] = {
            "ours": our_step(model, shape=shape, train=spec, device=bench.device)
        }
        for name, peer in peers(model, shape=shape, precision="bf16", device=bench.device).items():
            steps[name] = peer if bench.tiny else compiled_peer(peer)
        x0 = latents(shape, videos=batch, device=bench.device)
        seconds = in_turns(bench, steps=steps, x0=x0, rounds=1 if bench.tiny else 10)
        for name in steps:
            if name != "ours":
                yield Reading(
                    name=f"{size} {name} ÷ ours",
                    value=median(
                        a / b for a, b in zip(seconds[name], seconds["ours"], strict=True)
                    ),
                    at_least=None if bench.tiny else 1.0,
                )
        flops = batch * model.training_flops(shape)
        yield Reading(
            name=f"{size} MFU",
            value=flops / median(seconds["ours"]) / peak,
            at_least=None if bench.tiny else MFU[size],
        )
        del steps


TINY_SQUARE = denoiser_shape(4, 4, 8, 8)


def compiled_peer(peer: PeerStep) -> PeerStep:
    """The peer with its whole model compiled, as torch's documentation advises."""
    peer.model = torch.compile(peer.model, dynamic=False)  # type: ignore[assignment]
    return peer


def in_turns(
    bench: Bench, *, steps: dict[str, Callable[[Tensor], object]], x0: Tensor, rounds: int
) -> dict[str, list[float]]:
    """Seconds of each step, one after another in every round, so that the card's clock is the same
    for all."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            seconds[name].append(bench.seconds(lambda step=step: step(x0), times=3))
    return seconds


def host_gap(bench: Bench) -> Iterator[Reading]:
    """How much of a training step of S the card has nothing to do: wall time of the training loop
    against the time that the card's kernels take."""
    model, shape, batch = (TINY.model, TINY.shape, 4) if bench.tiny else (SIZES["S"], PAPER, 64)
    steps = 6 if bench.tiny else 60
    source = LatentSet(latents(shape, videos=2 * batch, device="cpu"))
    spec = replace(bf16(batch=batch, compiled=not bench.tiny), noise="device")
    wall_s = 1e-3 * paced(bench, name="wall", model=model, source=source, train=spec, steps=steps)
    activities = [ProfilerActivity.CUDA] if bench.device == "cuda" else [ProfilerActivity.CPU]
    with profile(activities=activities) as profiled:
        paced(bench, name="busy", model=model, source=source, train=spec, steps=steps)
    busy_s = 1e-6 * sum(event.self_device_time_total for event in profiled.key_averages()) / steps
    yield Reading(name="wall", value=1e3 * wall_s, unit="ms")
    yield Reading(name="kernels", value=1e3 * busy_s, unit="ms")
    limit = None if bench.tiny else 0.05
    yield Reading(name="host gap", value=1 - busy_s / wall_s, at_most=limit)


def paced(
    bench: Bench, *, name: str, model: DiTSpec, source: LatentSet, train: TrainSpec, steps: int
) -> float:
    """ms per step over the second half of a training by the project's own loop."""
    metrics = bench.folder / f"{name}.jsonl"
    task = TrainTask(
        model=model,
        objective=FLOW,
        train=replace(train, steps=steps),
        seed=SEED,
        latents=source,
        checkpoints=bench.folder / name,
        metrics=metrics,
        checkpoint_every=steps,
        log_every=steps // 2,
        device=bench.device,
    )
    loop.train(task, context=PlainContext())
    return float(read_metrics(metrics)[-1]["ms_per_step"])


ROWS = (
    Row(
        name="compiled",
        item="compile + bf16 + recompute against eager; recompilations; gradients",
        passes="≤ 0.75 of eager's ms; none after step 2; ≤ 2e-2",
        measure=compiled,
    ),
    Row(
        name="throughput",
        item="S, B, L at 2,304 tokens against diffusers' DiT and a plain DiT, all compiled, in "
        "turns",
        passes="≥ 1.0 of the faster; MFU ≥ 25, 35, 40 % of the measured peak",
        measure=throughput,
    ),
    Row(
        name="host_gap",
        item="wall time of a step of S less the time of its kernels",
        passes="≤ 5 % of the step",
        measure=host_gap,
    ),
)
