"""One training step, all of it, beside diffusers' DiT and a plain DiT of the same size (`step_peers.py`), on one thread in float32.

Every round times each step once, one after another, and our FLOPs by formula are set against a large matrix product timed in the same
round; medians of the rounds' ratios, so that what else the machine does falls on all alike. `ratio` is against the faster peer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from physscale.flow.spec import FlowSpec
from physscale.model.sizes import SIZES, training_flops
from physscale.model.spec import DiTSpec, LatentShape
from physscale.run.peak import product_flops_per_s
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import begin, train_step
from tests.benchmarks.step_peers import CONDITION_FRAMES, peers


@dataclass(frozen=True)
class Case:
    """A model on latents [T, C, H, W], whose tokens fill a square for diffusers' picture model."""

    name: str
    model: DiTSpec
    shape: LatentShape
    batch: int
    rounds: int


SMALL = DiTSpec(width=256, depth=6, heads=4, patch=2, activation="gelu")
CASES = (
    Case("S, 1024 tokens", SIZES["S"], LatentShape(16, 4, 16, 16), batch=1, rounds=5),
    Case("S, 256 tokens", SIZES["S"], LatentShape(16, 4, 8, 8), batch=4, rounds=5),
    Case("d256 x 6, 256 tokens", SMALL, LatentShape(16, 4, 8, 8), batch=8, rounds=7),
    Case("d64 x 3, 16 tokens", SIZES["d64"], LatentShape(16, 32, 1, 1), batch=32, rounds=41),
)


def run() -> dict[str, Any]:
    """ms a step of the paper's S; ratio: faster peer ÷ ours."""
    table = Table("one step, one thread, float32", "ours, ms", "diffusers, ms", "plain, ms", "ratio to the faster", "of the GEMM peak")
    rows = []
    for case in CASES:
        seconds = timed(case)
        ratio = min(median_ratio(seconds[peer], seconds["ours"]) for peer in ("diffusers", "plain"))
        flops = training_flops(case.model, shape=case.shape, batch=case.batch, steps=1)
        share = median(flops / ours / peak for ours, peak in zip(seconds["ours"], seconds["peak"], strict=True))
        ms = {name: 1e3 * median(values) for name, values in seconds.items()}
        cells = [f"{ms[name]:.4g}" for name in ("ours", "diffusers", "plain")]
        table.add_row(f"{case.name}, batch {case.batch}", *cells, f"{ratio:.2f}", f"{share:.0%}")
        rows.append((case, ms, ratio, share))
    Console().print(table)
    (case, ms, ratio, _), best = rows[0], max(share for *_, share in rows)
    others = ", ".join(f"{ratio:.2f} at {case.name}" for case, _, ratio, _ in rows[1:])
    note = f"{case.name}, batch {case.batch}; {others}; up to {best:.0%} of the GEMM peak"
    peer = min(ms["diffusers"], ms["plain"])
    return {"name": "train_step", "ours": ms["ours"], "peer": peer, "ratio": ratio, "unit": "ms/step", "note": note}


def timed(case: Case) -> dict[str, list[float]]:
    """Seconds of each step, round by round; `peak` in FLOP/s."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = case.shape
    x0 = torch.randn(case.batch, shape.frames, shape.channels, shape.height, shape.width)
    steps: dict[str, Callable[[Tensor], object]] = {"ours": our_step(case), **peers(case.model, shape=shape)}
    seconds: dict[str, list[float]] = {name: [] for name in (*steps, "peak")}
    for turn in range(case.rounds + 1):
        for name in sorted(steps, reverse=turn % 2 == 0):
            begun = time.perf_counter()
            steps[name](x0)
            if turn:
                seconds[name].append(time.perf_counter() - begun)
        if turn:
            seconds["peak"].append(product_flops_per_s("cpu", dtype=torch.float32))
    return seconds


def our_step(case: Case) -> Callable[[Tensor], object]:
    train = TrainSpec(steps=1000, batch=case.batch, optimiser="adamw", learning_rate=1e-4, adam_beta_2=0.999)
    flow = FlowSpec(prediction="v", shift=1.0, condition_frames=CONDITION_FRAMES)
    state = begin(case.model, train=train, shape=case.shape, seed=0, device="cpu")
    return lambda x0: train_step(state, x0, seed=0, train=train, flow=flow, workers=Workers())


def median_ratio(peer: list[float], ours: list[float]) -> float:
    return median(a / b for a, b in zip(peer, ours, strict=True))
