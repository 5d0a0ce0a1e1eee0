"""One of several workers of the small training, as a process: `python -m tests.unit.train.one_worker FOLDER RANK WORLD STEPS OPTIMISER`."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist

from physscale.train.loop import train
from tests.unit.train.tasks import PlainContext, small_task


def work(folder: Path, *, rank: int, world: int, steps: int, optimiser: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world)
    task = small_task(folder, steps=steps, optimiser=optimiser)
    result = train(replace(task, checkpoint_every=10), context=PlainContext(rank=rank, world=world))
    weights = torch.cat([parameter.flatten() for parameter in result.model.parameters()])
    facts = {"losses": result.losses.tolist(), "weights": weights.tolist()}
    (folder / f"rank_{rank}.json").write_text(json.dumps(facts))
    dist.destroy_process_group()


if __name__ == "__main__":
    work(Path(sys.argv[1]), rank=int(sys.argv[2]), world=int(sys.argv[3]), steps=int(sys.argv[4]), optimiser=sys.argv[5])
