"""A scenario whose engine misbehaves on chosen rows: it raises, lies, hangs or dies."""

import json
import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Int

from physscale.simulate.batch import Batch, Trace
from physscale.simulate.scenario import Clock
from physscale.simulate.scenarios.uniform import UniformMotion

ROWS = "PHYSSCALE_TEST_MISBEHAVING"
"""The environment variable with the rows and their faults, as JSON."""

Fault = Literal["raises", "not finite", "wrong shape", "out of view", "hangs", "dies"]
SHARES: dict[Fault, float] = {
    "raises": 0.02,
    "not finite": 0.01,
    "wrong shape": 0.01,
    "out of view": 0.01,
}
REASONS = {
    "raises": "ZeroDivisionError: a mass of zero",
    "not finite": "ValueError: a state or body constant that is not finite",
    "wrong shape": "ValueError: states of shape (1, 15, 1, 6), contacts of (1,); (rows, frames, "
    "bodies, numbers) are (1, 16, 1, 6)",
}
"""What a user is told."""


def drawn_faults(rows: int, *, seed: int) -> dict[int, Fault]:
    """Which rows misbehave, and how."""
    chance, kinds = random.Random(seed), list(SHARES)
    found: dict[int, Fault] = {}
    for row in range(rows):
        if chance.random() < sum(SHARES.values()):
            found[row] = chance.choices(kinds, list(SHARES.values()))[0]
    return found


def set_faults(faults: Mapping[int, Fault]) -> dict[str, str]:
    """The environment in which these rows misbehave."""
    return {ROWS: json.dumps(faults)}


@dataclass(frozen=True, kw_only=True)
class Misbehaving(UniformMotion):
    """Uniform motion, by an engine that misbehaves."""

    name: ClassVar[str] = "misbehaving"

    def trace(
        self, batch: Batch, *, engine: str, indices: Int[np.ndarray, " batch"], clock: Clock
    ) -> Trace:
        trace = super().trace(batch, engine=engine, indices=indices, clock=clock)
        faults = {int(row): kind for row, kind in json.loads(os.environ.get(ROWS, "{}")).items()}
        for place, row in enumerate(indices.tolist()):
            if row in faults:
                trace = _with(faults[row], trace=trace, place=place)
        return trace


def _with(fault: Fault, *, trace: Trace, place: int) -> Trace:
    state = trace.state.copy()
    match fault:
        case "raises":
            raise ZeroDivisionError("a mass of zero")
        case "hangs":
            time.sleep(3600)
        case "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "wrong shape":
            state = state[:, 1:]
        case "not finite":
            state[place, 3] = np.nan
        case "out of view":
            state[place, :, :, 0] += 1000.0
    return replace(trace, state=state)
