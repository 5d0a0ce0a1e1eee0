"""500 real runs of one step each, one after another in this process: `python -m
tests.chaos.soak_driver FOLDER RUNS`. A line of JSON tells what the process held after each run."""

import json
import os
import sys
from pathlib import Path

from physscale.records.store import Store
from physscale.run.context import Context
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.study.spec import Study
from tests.sweep_doubles import drive_plainly
from tests.tiny import tiny_run


def held() -> dict[str, int]:
    """What this process holds now."""
    return {
        "rss_bytes": int(Path("/proc/self/statm").read_text().split()[1])
        * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "shared memory": len(os.listdir("/dev/shm")),
        "temporary files": len(os.listdir(os.environ["TMPDIR"])),
    }


def telling(run: RunSpec, *, store: Store, context: Context) -> None:
    execute(run, store=store, context=context)
    print(json.dumps(held()), flush=True)


if __name__ == "__main__":
    folder, runs = Path(sys.argv[1]), int(sys.argv[2])
    study = Study(
        name="soak",
        question="Does it leak?",
        groups={"all": [tiny_run(seed=seed, steps=1, videos=8) for seed in range(runs)]},
    )
    ending = drive_plainly(study, store=Store(folder), execute=telling)
    sys.exit(ending.exit_code)
