"""One of several workers that need one codec, as a process: `python -m
tests.unit.run.one_codec_worker ROOT RANK WORLD JOBS`.

JOBS is a JSON list: `name`; `folder`: that of another job; `apart`: each worker has its own view of
the file system, ROOT/NAME/RANK; `stopped`: a worker that is asked to stop before its second step;
`patience_s`. What the codec says of one clip, or the one line of a refusal, is written to
ROOT/NAME.RANK.json."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from physscale.records.errors import DamagedData, Preempted
from physscale.records.store import Store
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.train import same_folder
from tests.encoded import VAE, run_of
from tests.worker_end import end_process


@dataclass
class Asked:
    """Says yes from the third time on: while it waits for its turn it is asked too."""

    times: int = 0

    def __call__(self) -> bool:
        self.times += 1
        return self.times > 2


def work(root: Path, *, rank: int, world: int, job: dict[str, Any]) -> None:
    same_folder.SEEN_WITHIN_S = job.get("patience_s", 120.0)
    folder = root / job.get("folder", job["name"]) / (str(rank) if job.get("apart") else "")
    context = PlainContext(rank=rank, world=world)
    if job.get("stopped") == rank:
        context = PlainContext(rank=rank, world=world, stop_requested=Asked())
    run = run_of(VAE)
    frames = np.random.default_rng(0).integers(0, 255, (1, 2, 16, 16, 3), dtype=np.uint8)
    try:
        codec = codec_of(run, store=Store(folder), context=context)
        said: dict[str, Any] = {"latents": codec.encode(frames).flatten().tolist()}
    except (DamagedData, Preempted) as error:
        said = {"refused": f"{type(error).__name__}: {error}".replace(str(folder), "")}
    (root / f"{job['name']}.{rank}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    place, own, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{place}/meeting", rank=own, world_size=count
    )
    for listed in json.loads(sys.argv[4]):
        work(place, rank=own, world=count, job=listed)
    dist.destroy_process_group()
    end_process()
