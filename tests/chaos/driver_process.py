"""A driver of the chaos study: `python -m tests.chaos.driver_process ROOT BACKEND`; `RAY_ADDRESS`
names the cluster."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

from physscale.records.store import Store
from physscale.run.execute import execute
from physscale.scheduling.resources import Machine
from physscale.study.drive import Backend, drive
from physscale.study.spec import Study
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

RUNS, STEPS = 24, 400
AT_A_TIME = 2
MACHINE = Machine(concurrency=AT_A_TIME, patience_s=60.0)


def chaos_study() -> Study:
    """23 runs that end well, and one whose learning rate drives it out of the numbers."""
    well = [tiny_run(seed=seed, steps=STEPS) for seed in range(RUNS - 1)]
    wild = tiny_run(seed=RUNS, steps=STEPS)
    return Study(
        name="chaos",
        question="Does it survive?",
        groups={
            "well": well,
            "wild": [replace(wild, train=replace(wild.train, learning_rate=1e30))],
        },
    )


if __name__ == "__main__":
    root, backend = Path(sys.argv[1]), sys.argv[2]
    chosen: Backend = next(known for known in get_args(Backend) if known == backend)
    ending = drive(
        chaos_study(),
        store=Store(root),
        backend=chosen,
        machine=MACHINE,
        execute=execute,
        watch=no_watch,
    )
    sys.exit(ending.exit_code)
