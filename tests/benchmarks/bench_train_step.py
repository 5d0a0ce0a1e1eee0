"""One training step, all of it, beside diffusers' DiT and a plain DiT of the same size
(`step_peers.py`), on one thread.

In float32, and in bfloat16 by autocast as the paper's recipe is trained here; ours also with
`train.compile=block`, the peers as they are published. Every round takes the CPU time of each step
once, one after another; medians of the rounds' ratios, so that what else the machine does falls on
all alike. Ratios are against the faster peer. Two more columns say what is left to win: our FLOPs
by formula against a large matrix product timed in the same round, and the ceiling, which is the
ratio of a step that consists of its products and its attention alone (`bare_step`): no code that
leaves these to PyTorch is faster, and ours does not leave them all (`physscale/model/on_cpu.py`).
Studies train S in bfloat16 (`paper`), d128 x 5 (`spatial`) and d64 x 3."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from experiments.spatial import VAE
from physscale.flow.flow_spec import FlowSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.records.latent_shape import BackboneShape
from physscale.run.cost import latent_shape
from physscale.run.peak_flops import product_flops_per_s
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import begin, train_step
from tests.benchmarks.step_peers import CONDITION_FRAMES, Precision, peers
from tests.shapes import denoiser_shape


@dataclass(frozen=True)
class Workload:
    """A model on latents [T, C, H, W], whose tokens fill a square for diffusers' picture model."""

    name: str
    model: DiTSpec
    shape: BackboneShape
    batch: int
    rounds: int
    precision: Precision = "fp32"


Step = Callable[[Tensor], object]
SMALL = DiTSpec(width=256, depth=6, heads=4, patch=2, activation="gelu")
CASES = (
    Workload("S, 1024 tokens", SIZES["S"], denoiser_shape(16, 4, 16, 16), batch=1, rounds=11),
    Workload("S, 256 tokens", SIZES["S"], denoiser_shape(16, 4, 8, 8), batch=4, rounds=11),
    Workload("d256 x 6, 256 tokens", SMALL, denoiser_shape(16, 4, 8, 8), batch=8, rounds=15),
    Workload("d128 x 5, 64 tokens", VAE.model, latent_shape(VAE), batch=VAE.train.batch, rounds=21),
    Workload("d64 x 3, 16 tokens", SIZES["d64"], denoiser_shape(16, 32, 1, 1), batch=32, rounds=41),
    Workload(
        "S, 1024 tokens",
        SIZES["S"],
        denoiser_shape(16, 4, 16, 16),
        batch=1,
        rounds=11,
        precision="bf16",
    ),
    Workload(
        "S, 256 tokens",
        SIZES["S"],
        denoiser_shape(16, 4, 8, 8),
        batch=4,
        rounds=11,
        precision="bf16",
    ),
)
DTYPE = {"fp32": torch.float32, "bf16": torch.bfloat16}


def run() -> dict[str, Any]:
    """ms a step of the paper's S; ratio: faster peer ÷ ours."""
    heads = (
        "one step, one thread",
        "ours, ms",
        "compiled",
        "diffusers",
        "plain",
        "ratio to the faster",
        "compiled",
        "ceiling",
        "of the GEMM peak",
    )
    table = Table(*heads)
    rows = []
    for case in CASES:
        ours = {
            "ours": our_step(case, compiled="none"),
            "compiled": our_step(case, compiled="block"),
        }
        beside = peers(case.model, shape=case.shape, precision=case.precision)
        seconds = timed(case, steps={**ours, **beside, "bare": bare_step(case)})
        ratio = {
            one: min(median_ratio(seconds[peer], seconds[one]) for peer in beside)
            for one in (*ours, "bare")
        }
        flops = case.batch * case.model.training_flops(case.shape)
        share = median(
            flops / mine / peak for mine, peak in zip(seconds["ours"], seconds["peak"], strict=True)
        )
        ms = {name: 1e3 * median(values) for name, values in seconds.items()}
        cells = [f"{ms[name]:.4g}" for name in (*ours, *beside)] + [
            f"{value:.2f}" for value in ratio.values()
        ]
        table.add_row(f"{case.name}, batch {case.batch}, {case.precision}", *cells, f"{share:.0%}")
        rows.append((case, ms, ratio, share))
    Console(width=150).print(table)
    (case, ms, ratio, _), best = rows[0], max(share for *_, share in rows)
    each = ", ".join(
        f"{of['ours']:.2f} ({of['compiled']:.2f}) of {of['bare']:.2f} at {at.name} {at.precision}"
        for at, _, of, _ in rows
    )
    note = (
        f"{case.name}, batch {case.batch}; ratio (compiled) of its ceiling: {each}; up to "
        f"{best:.0%} of the GEMM peak"
    )
    peer = min(ms["diffusers"], ms["plain"])
    return {
        "name": "train_step",
        "ours": ms["ours"],
        "peer": peer,
        "ratio": ratio["ours"],
        "unit": "ms/step",
        "note": note,
    }


def timed(case: Workload, *, steps: Mapping[str, Step]) -> dict[str, list[float]]:
    """CPU seconds of each step, round by round; `peak` in FLOP/s."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = case.shape
    x0 = torch.randn(case.batch, shape.frames, shape.channels, shape.height, shape.width)
    seconds: dict[str, list[float]] = {name: [] for name in (*steps, "peak")}
    for turn in range(case.rounds + 1):
        for name in sorted(steps, reverse=turn % 2 == 0):
            begun = time.process_time()
            steps[name](x0)
            if turn:
                seconds[name].append(time.process_time() - begun)
        if turn:
            seconds["peak"].append(product_flops_per_s("cpu", dtype=DTYPE[case.precision]))
    return seconds


def our_step(case: Workload, *, compiled: Literal["none", "block"]) -> Step:
    train = TrainSpec(
        steps=1000,
        batch=case.batch,
        optimiser="adamw",
        learning_rate=1e-4,
        adam_beta_2=0.999,
        precision=case.precision,
        compile=compiled,
    )
    flow = FlowSpec(prediction="v", shift=1.0, condition_frames=CONDITION_FRAMES).build()
    state = begin(case.model, train=train, shape=case.shape, seed=0, device="cpu")
    return lambda x0: train_step(state, x0, seed=0, train=train, objective=flow, workers=Workers())


def bare_step(case: Workload) -> Step:
    """Forward and backward of a block's four products and its attention, block after block, and
    nothing else."""
    model, tokens = case.model, case.model.tokens(case.shape)
    wide = model.mlp_ratio * model.width
    sides = (
        (model.width, 3 * model.width),
        (model.width, model.width),
        (model.width, wide),
        (wide, model.width),
    )
    layers = [
        nn.Linear(rows, columns, bias=False) for _ in range(model.depth) for rows, columns in sides
    ]
    dtype = DTYPE[case.precision]
    inputs = {
        side: torch.randn(case.batch * tokens, side, dtype=dtype, requires_grad=True)
        for side in (model.width, wide)
    }
    q, k, v = (
        torch.randn(
            case.batch, model.heads, tokens, model.head_width, dtype=dtype, requires_grad=True
        )
        for _ in "qkv"
    )
    gradients = {
        side: torch.randn(case.batch * tokens, side, dtype=dtype)
        for side in (model.width, 3 * model.width, wide)
    }
    away = torch.randn_like(q)

    def step(_: Tensor) -> None:
        for leaf in (*inputs.values(), q, k, v, *(layer.weight for layer in layers)):
            leaf.grad = None
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=case.precision == "bf16"):
            kept = [
                (layer(inputs[layer.in_features]), gradients[layer.out_features])
                for layer in layers
            ]
            kept += [(scaled_dot_product_attention(q, k, v), away) for _ in range(model.depth)]
        for output, gradient in reversed(kept):
            torch.autograd.backward(output, gradient)

    return step


def median_ratio(peer: list[float], ours: list[float]) -> float:
    return median(a / b for a, b in zip(peer, ours, strict=True))
