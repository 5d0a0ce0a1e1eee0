"""One of several workers of the small training, as a process: `python -m tests.unit.train.one_worker FOLDER RANK WORLD FIELDS`.

FIELDS is JSON of the training's fields; with `dies_at` the worker ends there without a word.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from physscale.train.loop import train
from tests.unit.train.tasks import Killed, PlainContext, small_task


def work(folder: Path, *, rank: int, world: int, fields: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world)
    flow = fields.pop("flow", {})
    task = small_task(folder, **fields)
    task = replace(task, checkpoint_every=10, flow=replace(task.flow, **flow))
    try:
        result = train(task, context=PlainContext(rank=rank, world=world))
    except Killed:
        dist.destroy_process_group()
        return
    weights = torch.cat([parameter.flatten() for parameter in result.model.parameters()])
    facts = {"losses": result.losses.tolist(), "weights": weights.tolist()}
    (folder / f"rank_{rank}.json").write_text(json.dumps(facts))
    dist.destroy_process_group()


if __name__ == "__main__":
    work(Path(sys.argv[1]), rank=int(sys.argv[2]), world=int(sys.argv[3]), fields=json.loads(sys.argv[4]))
