"""One of several workers of small trainings, as a process: `python -m tests.unit.train.one_worker
ROOT RANK WORLD JOBS [cpu|cuda]`.

JOBS is a JSON list, one training after the other: `folder` below ROOT, `fields` of the training,
`flow`, or `ahead` for next-frame prediction. A job that `forgets` makes its checkpoint of that step
unreadable first; one that `dies_at` a step leaves nothing but its checkpoints.

One that `stops_after` so many steps or never leaves the `rows` of its shares.

With `bucket_bytes`, gradients are averaged in buckets of so many. With `mounts`, each worker has
its own view of the file system, the folder RANK: what lies there in `late` takes its place among
the checkpoints once the worker has complained; parts that are written meet in the first worker's
view. `patience_s` is how long it waits; `odd` is a worker with another seed, `faulty` one whose
memory flips a bit of what it reads. The one line of a refusal is written in place of the
losses."""

import json
import logging
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.records.errors import DamagedData, Preempted
from physscale.records.parts import unfinished
from physscale.train import checkpoint, overlap, same_folder, saving
from physscale.train.latents import LatentSet
from physscale.train.loop import train
from physscale.train.parallel import Workers
from physscale.train.stored import Stored
from tests.unit.train.tasks import Killed, PlainContext, small_latents, small_task
from tests.worker_end import end_process


class Arrival(logging.Handler):
    """Shows a late checkpoint as soon as the worker has said that it misses it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        for late in self.folder.glob("late/step_*"):
            place = self.folder / "checkpoints" / late.name
            shutil.rmtree(place, ignore_errors=True)
            late.rename(place)


@dataclass(frozen=True)
class Noted(LatentSet):
    """Notes the videos of every share, by their values."""

    rows: list[list[int]] = field(default_factory=list)

    def batches(
        self, start: int, *, seed: int, batch: int, workers: Workers
    ) -> Iterator[torch.Tensor]:
        for share in super().batches(start, seed=seed, batch=batch, workers=workers):
            self.rows.append(
                [int((self.latents == video).flatten(1).all(1).nonzero()) for video in share]
            )
            yield share


@dataclass(frozen=True)
class Faulty(Stored):
    """Reads every tensor with the lowest bit of its first number flipped."""

    def tensor(self, kind: str, name: str) -> torch.Tensor:
        tensor = super().tensor(kind, name).clone()
        tensor.view(torch.int32).view(-1)[0] ^= 1
        return tensor


def work(root: Path, *, rank: int, world: int, job: dict[str, Any], device: str) -> None:
    folder = root / job["folder"] / (str(rank) if job.get("mounts") else "")
    if job.get("mounts"):
        shared = root / job["folder"] / "0" / "checkpoints"
        saving.unfinished = lambda path, token: unfinished(shared / path.name, token=token)
    same_folder.SEEN_WITHIN_S = job.get("patience_s", 120.0)
    checkpoint.Stored = Faulty if job.get("faulty") == rank else Stored
    overlap.BUCKET_BYTES = job.get("bucket_bytes", 25_000_000)
    logging.getLogger(same_folder.__name__).handlers = [Arrival(folder)]
    if rank == 0 and "forgets" in job:
        (folder / "checkpoints" / f"step_{job['forgets']:08d}" / "manifest.json").unlink()
    dist.barrier()
    task = small_task(folder, dies_at=job.get("dies_at", -1), **job["fields"])
    noted = Noted(small_latents())
    task = replace(
        task,
        seed=task.seed + (job.get("odd") == rank),
        latents=noted if "stops_after" in job else task.latents,
        checkpoint_every=10,
        objective=(
            AutoregressiveSpec(**job["ahead"])
            if "ahead" in job
            else replace(task.objective, **job.get("flow", {}))
        ),
        device=device,
    )
    try:
        result = train(task, context=PlainContext(job.get("stops_after"), rank=rank, world=world))
    except Killed:
        return
    except Preempted:
        (root / f"{job['name']}.{rank}.json").write_text(json.dumps({"rows": noted.rows}))
        return
    except DamagedData as error:
        (root / f"{job['name']}.{rank}.json").write_text(json.dumps({"refused": str(error)}))
        return
    weights = torch.cat([parameter.flatten() for parameter in result.model.parameters()])
    written = {"losses": result.losses.tolist(), "weights": weights.tolist()}
    if "stops_after" in job:
        written["rows"] = noted.rows
    (root / f"{job['name']}.{rank}.json").write_text(json.dumps(written))


if __name__ == "__main__":
    place, own, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    where = sys.argv[5] if len(sys.argv) > 5 else "cpu"
    if where == "cuda":
        torch.cuda.set_device(own)
    dist.init_process_group(
        "gloo" if where == "cpu" else "cpu:gloo,cuda:nccl",
        init_method=f"file://{place}/meeting",
        rank=own,
        world_size=count,
    )
    for listed in json.loads(sys.argv[4]):
        work(place, rank=own, world=count, job=listed, device=where)
    dist.destroy_process_group()
    end_process()
