"""One of several workers of small trainings, as a process: `python -m tests.unit.train.one_worker
ROOT RANK WORLD JOBS [cpu|cuda]`.

JOBS is a JSON list, one training after the other: `folder` below ROOT, `fields` of the training,
`flow`, or `ahead` for next-frame prediction. A job that `forgets` makes its checkpoint of that step
unreadable first; one that `dies_at` a step leaves nothing but its checkpoints."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.train.loop import train
from tests.unit.train.tasks import Killed, PlainContext, small_task


def work(root: Path, *, rank: int, world: int, job: dict[str, Any], device: str) -> None:
    folder = root / job["folder"]
    if rank == 0 and "forgets" in job:
        (folder / "checkpoints" / f"step_{job['forgets']:08d}" / "manifest.json").unlink()
    dist.barrier()
    task = small_task(folder, dies_at=job.get("dies_at", -1), **job["fields"])
    task = replace(
        task,
        checkpoint_every=10,
        objective=(
            AutoregressiveSpec(**job["ahead"])
            if "ahead" in job
            else replace(task.objective, **job.get("flow", {}))
        ),
        device=device,
    )
    try:
        result = train(task, context=PlainContext(rank=rank, world=world))
    except Killed:
        return
    weights = torch.cat([parameter.flatten() for parameter in result.model.parameters()])
    written = {"losses": result.losses.tolist(), "weights": weights.tolist()}
    (root / f"{job['name']}.{rank}.json").write_text(json.dumps(written))


if __name__ == "__main__":
    place, own, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    where = sys.argv[5] if len(sys.argv) > 5 else "cpu"
    if where == "cuda":
        torch.cuda.set_device(own)
    dist.init_process_group(
        "gloo" if where == "cpu" else "nccl",
        init_method=f"file://{place}/meeting",
        rank=own,
        world_size=count,
    )
    for listed in json.loads(sys.argv[4]):
        work(place, rank=own, world=count, job=listed, device=where)
    dist.destroy_process_group()
