"""Noise of a training step drawn on the CPU: the device's generator beside NumPy's, which draws it
today. `ratio` is how many times cheaper the device's is here, where it has nothing to gain."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from physscale.flow import device_noise, noise
from physscale.flow.noise import Stream

SHAPE, BATCH, ROUNDS = (8, 4, 16, 16), 32, 9


def run() -> dict[str, Any]:
    options: dict[str, Any] = {"stream": Stream.NOISE, "rows": slice(0, BATCH), "batch": BATCH}
    options["shape"] = SHAPE

    def of_numpy(step: int) -> torch.Tensor:
        return noise.batch_normal(0, counter=step, **options)

    def of_device(step: int) -> torch.Tensor:
        return device_noise.batch_normal(0, counter=step, device="cpu", **options)

    fused = torch.compile(device_noise.from_table, dynamic=False)
    table = device_noise.table(torch.device("cpu"))

    def compiled_draw(step: int) -> torch.Tensor:
        purpose = (7, int(Stream.NOISE) << 24)
        return fused(
            table, key=(0, 0), purpose=purpose, rows=slice(0, BATCH), size=math.prod(SHAPE)
        )

    assert torch.equal(compiled_draw(0), of_device(7).flatten(1)), "fusing changed a bit"
    per_number = [_nanoseconds(draw) for draw in (of_device, of_numpy, compiled_draw)]
    ours, peer, compiled = per_number
    return {
        "name": "host_noise",
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "ns/number",
        "note": f"compiled {compiled:.2g}, the same bits; peer: NumPy's Philox and ziggurat",
    }


def _nanoseconds(draw: Callable[[int], torch.Tensor]) -> float:
    """Processor time per number, the median of a few steps after one to warm up."""
    times = []
    for step in range(ROUNDS + 1):
        begun = time.process_time()
        count = draw(step).numel()
        times.append(1e9 * (time.process_time() - begun) / count)
    return float(np.median(times[1:]))
