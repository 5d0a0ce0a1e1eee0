"""Workers that load checkpoints and save them again, as a process:
`python -m tests.unit.train.resave ROOT JOBS`.

JOBS is a JSON list: from the folder `of` below ROOT to the folder `to`, by `world` workers with
weights `parallel`. In a worker that is `full`, no file may grow beyond 1 KiB; what a worker then
raises is written to `TO.RANK.txt`."""

import json
import resource
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch

from physscale.records.errors import UserError
from physscale.train import checkpoint
from physscale.train.parallel import Workers
from physscale.train.saving import Saving
from physscale.train.step import begin
from tests.unit.train.forks import ended_well, fork
from tests.unit.train.tasks import small_task


def resave(workers: Workers, *, root: Path, job: dict[str, Any]) -> None:
    task = small_task(root / job["to"], steps=job["steps"], parallel=job["parallel"])
    state = begin(
        task.model,
        train=task.train,
        shape=task.backbone_shape,
        seed=task.seed,
        device="cpu",
        workers=workers,
    )
    newest = checkpoint.agreed(root / job["of"] / "checkpoints", workers=workers)
    assert newest is not None
    checkpoint.restore(state, newest, task=task, workers=workers)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if job.get("full") == workers.rank:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with Saving(state, task=task, workers=workers, resumed=False) as saving:
            saving.save(state)
            saving.finish()
    except UserError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        (root / f"{job['to']}.{workers.rank}.txt").write_text(str(error))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    torch.set_num_threads(1)
    for number, listed in enumerate(json.loads(sys.argv[2])):
        work = partial(resave, root=place, job=listed)
        assert ended_well(fork(place / f"meeting-{number}", world=listed["world"], work=work))
