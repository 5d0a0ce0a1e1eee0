"""Several workers, one card each: what NCCL adds up equals one card."""

import json
import subprocess
import sys
from collections.abc import Iterator

import torch

from tests.gpu.row import Bench, NotHere, Reading, Row
from tests.paths import ROOT

WAYS = ((1, "ddp"), (2, "ddp"), (2, "fsdp"))


def shards(bench: Bench) -> Iterator[Reading]:
    """Losses of two workers, whole and in shards, against one."""
    if bench.device == "cuda" and torch.cuda.device_count() < 2:
        raise NotHere("needs two GPUs")
    for optimiser in ("adamw",) if bench.tiny else ("adamw", "muon"):
        alone, *others = (
            losses(bench, world=world, parallel=parallel, optimiser=optimiser)
            for world, parallel in WAYS
        )
        for (_, parallel), found in zip(WAYS[1:], others, strict=True):
            yield Reading(
                name=f"{optimiser} {parallel}",
                value=float((found - alone).abs().max()),
                at_most=1e-4,
            )


def losses(bench: Bench, *, world: int, parallel: str, optimiser: str) -> torch.Tensor:
    folder = bench.folder / f"{optimiser}-{world}-{parallel}"
    folder.mkdir()
    fields = {"steps": 20, "optimiser": optimiser, "parallel": parallel}
    jobs = json.dumps([{"name": "job", "folder": "job", "fields": fields}])
    command = [sys.executable, "-m", "tests.unit.train.one_worker", str(folder)]
    workers = [
        subprocess.Popen([*command, str(rank), str(world), jobs, bench.device], cwd=ROOT)
        for rank in range(world)
    ]
    assert [worker.wait(timeout=300) for worker in workers] == [0] * world
    return torch.tensor(json.loads((folder / "job.0.json").read_text())["losses"])


ROWS = (
    Row(
        name="shards",
        item="two GPUs, whole and in shards (NCCL), against one: losses of 20 steps",
        passes="≤ 1e-4 apart",
        measure=shards,
    ),
)
