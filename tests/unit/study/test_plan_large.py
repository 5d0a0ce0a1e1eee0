"""A plan of 5,000 runs is a matter of seconds."""

import subprocess
import sys

from tests.paths import ROOT


def test_five_thousand_runs_are_planned_in_five_seconds_of_cpu() -> None:
    """In a process of its own: this one checks the types of every call."""
    code = (
        "from tests.benchmarks.bench_plan import cpu_s, study; "
        "print(len(study().groups['all']), cpu_s())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    runs, seconds = done.stdout.split()
    assert int(runs) == 5000
    assert float(seconds) < 5.0
