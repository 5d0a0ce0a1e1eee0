"""How much of what this machine does in large square products a whole training step of ours turns
into products of its own.

The step's operations by formula (`model/sizes.py`; nothing that is done twice counts), CPU time,
one thread, float32: `bench_train_step`'s second case. Goal: .7."""

from statistics import median
from typing import Any

from tests.benchmarks.bench_train_step import CASES, our_step, timed


def run() -> dict[str, Any]:
    """GFLOP/s of the step beside those of the product; ratio: ours ÷ the product's."""
    case = CASES[1]
    seconds = timed(case, steps={"ours": our_step(case, compiled="none")})
    flops = case.batch * case.model.training_flops(case.shape)
    ours, peak = (
        [1e-9 * flops / one for one in seconds["ours"]],
        [1e-9 * one for one in seconds["peak"]],
    )
    ratio = median(step / product for step, product in zip(ours, peak, strict=True))
    note = f"{case.name}, batch {case.batch}; goal .7"
    return {
        "name": "gemm_fraction",
        "ours": median(ours),
        "peer": median(peak),
        "ratio": ratio,
        "unit": "GFLOP/s",
        "note": note,
    }
