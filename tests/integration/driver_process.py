"""A driver in a process of its own, for tests that race or kill drivers: `python -m
tests.integration.driver_process ROOT SEEDS STEPS`."""

import sys
from pathlib import Path

from physscale.records.store import Store
from tests.sweep_doubles import counting_execute, drive_plainly, tiny_study

if __name__ == "__main__":
    root, seeds, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    study = tiny_study(seeds=range(seeds), steps=steps)
    ending = drive_plainly(study, store=Store(root), execute=counting_execute)
    sys.exit(ending.exit_code)
