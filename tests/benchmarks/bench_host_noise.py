"""Noise of a training step drawn on the CPU: the device's generator beside NumPy's, which draws it
today. Below 1, the device's is dearer here; on a GPU it spares the CPU all of it."""

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
    ours = _nanoseconds(
        lambda step: device_noise.batch_normal(0, counter=step, device="cpu", **options)
    )
    peer = _nanoseconds(lambda step: noise.batch_normal(0, counter=step, **options))
    return {
        "name": "host_noise",
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "ns/number",
        "note": "peer: NumPy's Philox and ziggurat",
    }


def _nanoseconds(draw: Callable[[int], torch.Tensor]) -> float:
    """Processor time per number, the median of a few steps after one to warm up."""
    times = []
    for step in range(ROUNDS + 1):
        begun = time.process_time()
        count = draw(step).numel()
        times.append(1e9 * (time.process_time() - begun) / count)
    return float(np.median(times[1:]))
