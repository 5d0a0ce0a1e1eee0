"""One of several workers that score a trained run, as a process: `python -m
tests.unit.run.score_worker ROOT RANK JOBS`.

JOBS is a JSON list: `folder` below ROOT with the trained run, `world`, and `stops`: the worker
whose context asks to stop, and after how many of its parts. Workers beyond a job's world leave it
out. Each writes how the job ended, and how many parts it made."""

import json
import sys
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
from tests.worker_end import end_process


def work(root: Path, *, rank: int, job: dict[str, Any]) -> None:
    world, (stopper, enough) = job["world"], job.get("stops", (-1, 0))
    dist.init_process_group(
        "gloo", init_method=f"file://{root}/{job['name']}.meeting", rank=rank, world_size=world
    )
    ending = "done"
    with counted_parts() as made:
        context = PlainContext(
            stop_requested=lambda: rank == stopper and len(made) >= enough, rank=rank, world=world
        )
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
    end_process()
