"""A driver of small runs on one card: `python -m tests.gpu.ladder ROOT JSON`. JSON holds the fields
of a `Ladder`."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from physscale.model.sizes import SIZES
from physscale.records.store import Store
from physscale.run.execute import execute
from physscale.scheduling.arithmetic import Arithmetic
from physscale.scheduling.resources import Machine
from physscale.study.drive import Backend, drive
from physscale.study.spec import Study
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """`runs` seeds of one small model, `at_a_time` processes beside each other, each with a pack of
    `pack` runs or with `workers` workers; on the card, if `gpu` is 1, else on the CPU."""

    runs: int = 1
    size: str = "d16"
    steps: int = 200
    at_a_time: int = 1
    pack: int = 1
    workers: int = 1
    backend: Backend = "ray"
    gpu: float = 1.0
    arithmetic: Arithmetic = "fast"

    def study(self) -> Study:
        runs = [
            replace(
                tiny_run(seed=seed, steps=self.steps, workers=self.workers), model=SIZES[self.size]
            )
            for seed in range(self.runs)
        ]
        return Study(name="ladder", question="Do they share a card?", groups={"ladder": runs})

    def machine(self) -> Machine:
        share = self.gpu / self.at_a_time
        return Machine(
            name="card",
            run_cpus=0.25,
            run_gpus=share,
            worker_cpus=0.25,
            worker_gpus=self.gpu,
            fewest_workers=1 if self.workers > 1 else None,
            data_cpus=0.25,
            concurrency=self.at_a_time,
            pack=self.pack,
            patience_s=200.0,
            arithmetic=self.arithmetic,
        )


if __name__ == "__main__":
    ladder = Ladder(**json.loads(sys.argv[2]))
    ending = drive(
        ladder.study(),
        store=Store(Path(sys.argv[1])),
        backend=ladder.backend,
        machine=ladder.machine(),
        execute=execute,
        watch=no_watch,
    )
    sys.exit(ending.exit_code)
