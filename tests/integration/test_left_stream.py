"""A process that leaves a stream before its end, and then its cluster, lives on: Ray ends one whose
threads still ask it."""

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

LEAVES = """
from physscale.codec.pixels import PixelCodec
from physscale.ray_jobs.cluster import cluster
from physscale.run.training_data import StreamedLatents
from physscale.train.parallel import Workers
from tests.benchmarks.bench_stream_overhead import FromRay, run_of

with cluster():
    source = StreamedLatents(run_of(128), PixelCodec(), FromRay())
    latents = source.batches(0, seed=0, batch=8, workers=Workers())
    for _ in range(3):
        next(latents)
    latents.close()
print("lives")
"""


@pytest.mark.timeout(180)
def test_a_stream_may_be_left() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", LEAVES],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "lives\n"), done.stderr[-2000:]
