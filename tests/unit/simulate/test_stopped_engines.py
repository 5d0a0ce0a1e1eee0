"""A signal in the middle of a simulation ends it, and leaves no memory that is freed twice."""

import subprocess
import sys

import pytest

from physscale.simulate.engines.registry import ENGINES
from physscale.simulate.scenarios.registry import scenario_named

SCENARIO = "collision"
CODE = """
import gc, os, random, signal, sys
from dataclasses import replace
import numpy as np
from physscale.records.leaving import Stopped, leaving_on_signals
from physscale.simulate.named import named_data
from physscale.simulate.simulate import simulate

chance, rows = random.Random(0), np.arange(4)
data = replace(named_data(sys.argv[2], videos=4), frames=8, engine=sys.argv[1])
simulate(data, indices=rows)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGHUP))
for _ in range(50):
    try:
        with leaving_on_signals():
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.001, 0.02))
            while True:
                simulate(data, indices=rows)
    except Stopped:
        gc.collect()
print("whole")
"""


@pytest.mark.parametrize("engine", [name for name in ENGINES.entries() if name != "phyre"])
def test_fifty_signals_leave_the_engine_whole(engine: str) -> None:
    assert engine in scenario_named(SCENARIO).engines
    ended = subprocess.run(
        [sys.executable, "-c", CODE, engine, SCENARIO], capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stdout) == (0, "whole\n"), ended.stderr
