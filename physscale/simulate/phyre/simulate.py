"""Rows of the combinatorial scenes, from either engine. PHYRE's first frame is the state after its
first step of 1/60 s.

Velocities: PHYRE reports none, so `engine=phyre` gives the displacement over the last step, which
includes being pushed out of an overlap; `engine=box2d` gives the solver's own, which does not. They
are the same for a body that nothing pushes."""

import atexit
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8

from physscale.records.errors import UserError
from physscale.records.video import STATE
from physscale.simulate.batch import Trace
from physscale.simulate.phyre import replica
from physscale.simulate.phyre.exchange import Task, palette_frames
from physscale.simulate.phyre.parts import STEPS_PER_SECOND, Case
from physscale.simulate.phyre.rows import PALETTE, PLACES, padded
from physscale.simulate.phyre.worker import PhyreWorker
from physscale.simulate.scenario import Clock

CLOCK = Clock(frames=32, interval_s=20 / STEPS_PER_SECOND, start_s=1 / STEPS_PER_SECOND)
"""The paper's: 32 frames, 20 steps of 1/60 s apart."""

Motions = Iterator[Float[np.ndarray, "frames bodies state"]]


def traced(cases: Sequence[Case], *, engine: str, clock: Clock, size_px: int) -> Trace:
    """States of these rows, padded to the places of a row. No contact moments: PHYRE reports none.

    Raises:
        UserError: for a clock that PHYRE does not have, or where the real PHYRE is not set up.
    """
    stride = steps_between_frames(clock)
    state = np.empty((len(cases), clock.frames, PLACES, len(STATE)))
    motions = SOURCES[engine](cases, frames=clock.frames, stride=stride, size_px=size_px)
    for row, motion in enumerate(motions):
        state[row] = padded(motion, size_px=size_px)
    return Trace(state=state, contact_s=np.full(len(cases), np.nan))


def painted(
    cases: Sequence[Case], *, clock: Clock, size_px: int
) -> UInt8[np.ndarray, "batch frames height width 3"]:
    """The real PHYRE's own frames of these rows, as wide as its scene, in its palette's colours.

    Raises:
        UserError: where the real PHYRE is not set up.
    """
    stride = steps_between_frames(clock)
    tasks = (
        Task(setting=case.setting, ball=case.ball, frames=clock.frames, stride=stride)
        for case in cases
    )
    out = np.empty((len(cases), clock.frames, size_px, size_px, 3), np.uint8)
    for row, answer in enumerate(process_worker(size_px).run(tasks)):
        np.take(np.array(PALETTE, np.uint8), palette_frames(answer), axis=0, out=out[row])
    return out


def steps_between_frames(clock: Clock) -> int:
    """How many steps of 1/60 s lie between two frames."""
    stride = round(clock.interval_s * STEPS_PER_SECOND)
    if stride < 1 or not math.isclose(stride / STEPS_PER_SECOND, clock.interval_s, rel_tol=1e-9):
        raise UserError(
            f"interval_s={clock.interval_s}: PHYRE steps by 1/60 s; the paper's interval is 20/60"
        )
    if not math.isclose(clock.start_s, CLOCK.start_s, rel_tol=1e-9):
        raise UserError(
            f"start_s={clock.start_s}: PHYRE's first frame is after its first step; write "
            "start_s=1/60"
        )
    return stride


def _replica(cases: Sequence[Case], *, frames: int, stride: int, size_px: int) -> Motions:
    for case in cases:
        motion = replica.simulate(case.setting, ball=case.ball, frames=frames, stride=stride)
        yield np.concatenate([motion.pose, motion.velocity], axis=-1)


def _real(cases: Sequence[Case], *, frames: int, stride: int, size_px: int) -> Motions:
    tasks = (
        Task(
            setting=case.setting, ball=case.ball, frames=frames, stride=stride, want=("velocities",)
        )
        for case in cases
    )
    for answer in process_worker(size_px).run(tasks):
        assert answer.velocity is not None
        yield np.concatenate([answer.pose, answer.velocity], axis=-1)


SOURCES: Mapping[str, Callable[..., Motions]] = {"box2d": _replica, "phyre": _real}
"""Where rows come from: Box2D in this process (default), or the real PHYRE."""


@cache
def process_worker(size_px: int) -> PhyreWorker:
    """This process's child for scenes of this size, started at its first task and ended with the
    process."""
    worker = PhyreWorker(size_px=size_px)
    atexit.register(worker.close)
    return worker
