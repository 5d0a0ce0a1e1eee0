"""What whole processes do with a card: one that is promised and hidden."""

import os
import subprocess
import sys
from collections.abc import Iterator

from tests.gpu.row import Bench, Reading, Row
from tests.paths import ROOT


def hidden(bench: Bench) -> Iterator[Reading]:
    """A study for a machine with GPUs where none is visible."""
    machine, results = "cluster/gpu_node.yaml", str(bench.folder)
    study = ["run", "quickstart", "--machine", machine, "--results", results]
    done = subprocess.run(
        [sys.executable, "-m", "physscale", *study],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    print(done.stderr.strip().splitlines()[-1])
    yield Reading(name="exit code", value=done.returncode, at_least=4, at_most=4)
    yield Reading(name="runs begun", value=len(list(bench.folder.glob("*/runs/*"))), at_most=0)


ROWS = (
    Row(
        name="hidden",
        item='CUDA_VISIBLE_DEVICES="" with GPUs promised by the machine file',
        passes="refused with exit code 4, nothing begun",
        measure=hidden,
    ),
)
