"""A private Ray listens on loopback alone, in all of its processes."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.paths import ROOT

LOOPBACK = {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}

BUSY = """
import os, subprocess, ray
from physscale.ray_jobs.cluster import cluster

@ray.remote
class Worker:
    def pid(self):
        return os.getpid()

with cluster(dashboard="yes"):
    worker = Worker.remote()
    pids, found = {os.getpid(), ray.get(worker.pid.remote())}, -1
    table = subprocess.check_output(["ps", "-eo", "pid=,ppid="], text=True)
    children = [tuple(map(int, line.split())) for line in table.splitlines()]
    while len(pids) > found:
        found = len(pids)
        pids |= {pid for pid, parent in children if parent in pids}
    for line in subprocess.check_output(["ss", "-Hltnp"], text=True).splitlines():
        if any(f"pid={pid}," in line for pid in pids):
            print("listens", line.split()[3])
"""


@pytest.mark.skipif(not (shutil.which("ss") and shutil.which("ps")), reason="needs ss and ps")
def test_a_private_ray_listens_on_loopback_alone() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    ran = subprocess.run(
        [sys.executable, "-c", BUSY],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    places = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("listens")]
    assert len(places) > 5, "head, raylet, agents, dashboard and workers"
    assert {place.rpartition(":")[0] for place in places} <= LOOPBACK
