"""Latents of 131 KB per video from a disk that has none of them in memory, 64 random ones per step:
rows announced steps ahead beside rows that are waited for one by one."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from physscale.records.latents import LatentShard, open_latents, write_latents
from physscale.run import training_data
from physscale.run.training_data import StoredLatents
from physscale.train.parallel import Workers
from tests.encoded import run_of

VIDEOS, BATCH, STEPS, ROUNDS = 2048, 64, 12, 5
TRAINING_S = 0.05
SHAPE = (32, 4, 16, 16)
IDENTITY = {"identity": "bench", "canvas": "bench"}


def run() -> dict[str, Any]:
    announced, waited = [], []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may be memory
        path = Path(folder) / "shard.arrow"
        latents = np.random.default_rng(0).standard_normal((VIDEOS, *SHAPE), dtype=np.float32)
        write_latents(path, latents, first=0, **IDENTITY)
        for _ in range(ROUNDS):
            announced.append(_seconds(path, ahead=True))
            waited.append(_seconds(path, ahead=False))
    ours, peer = (1e3 * float(np.median(each)) / STEPS for each in (announced, waited))
    return {
        "name": "latent_reads",
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "ms/step",
        "note": f"{training_data.STEPS_AHEAD} steps ahead, {BATCH} videos and 50 ms of "
        "training per step; peer: mapped rows, unannounced",
    }


def _seconds(path: Path, *, ahead: bool) -> float:
    """Waited for all steps, from a cold file."""
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    shard = open_latents(path, first=0, shape=SHAPE, **IDENTITY)
    source = StoredLatents(run_of(videos=VIDEOS), (shard if ahead else _Unannounced(shard),))
    batches = source.batches(0, seed=0, batch=BATCH, workers=Workers())
    next(batches)  # nothing can be read ahead of the first step
    waited_s = 0.0
    for _ in range(STEPS):
        time.sleep(TRAINING_S)
        begun_s = time.perf_counter()
        next(batches)
        waited_s += time.perf_counter() - begun_s
    return waited_s


class _Unannounced(LatentShard):
    """Rows are read when they are taken."""

    def __init__(self, shard: LatentShard) -> None:
        super().__init__(shard.path, shard.first, shard.latents, shard.checks)

    def announce(self, indices: np.ndarray) -> None:
        pass
