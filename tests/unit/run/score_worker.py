"""One of several workers that score a trained run, as a process: `python -m
tests.unit.run.score_worker ROOT RANK JOBS`.

JOBS is a JSON list: `folder` below ROOT with the trained run, `world`, and `stops`, the worker and
the question at which its context asks to stop, or none. Workers beyond a job's world leave it out.
Each writes how the job ended, and how many parts it made."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from physscale.records.errors import Preempted
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.train.parallel import Workers
from tests.unit.run.scored_run import RUN, counted_parts, validated


@dataclass
class Stopper:
    """Asks to stop at the n-th question, and whenever it is asked again."""

    left: int

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def work(root: Path, *, rank: int, job: dict[str, Any]) -> None:
    world, (stopper, question) = job["world"], job.get("stops", (-1, 0))
    dist.init_process_group(
        "gloo", init_method=f"file://{root}/{job['name']}.meeting", rank=rank, world_size=world
    )
    stop = Stopper(question if rank == stopper else 1 << 30)
    context, ending = PlainContext(stop_requested=stop, rank=rank, world=world), "done"
    with counted_parts() as made:
        try:
            execute(RUN, store=Store(root / job["folder"]), context=context)
        except Preempted:
            ending = "preempted"
        store, workers = Store(root / job["folder"]), Workers(rank=rank, world=world)
        found = validated(store, workers=workers)
    dist.destroy_process_group()
    said = {"ending": ending, "parts": len(made), "validation": found}
    (root / f"{job['name']}.{rank}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, own = Path(sys.argv[1]), int(sys.argv[2])
    for listed in json.loads(sys.argv[3]):
        if own < listed["world"]:
            work(place, rank=own, job=listed)
