"""Rows of the combinatorial scenes, from either engine. PHYRE's first frame is the state after its
first step of 1/60 s.

Velocities: PHYRE reports none, so `engine=phyre` gives the displacement over the last step, which
includes being pushed out of an overlap; `engine=box2d` gives the solver's own, which does not. They
are the same for a body that nothing pushes."""

import atexit
import math
from collections.abc import Iterator
from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from physscale.records.errors import UserError
from physscale.simulate.batch import Trace
from physscale.simulate.phyre import replica
from physscale.simulate.phyre.exchange import Task, palette_frames
from physscale.simulate.phyre.parts import STEPS_A_SECOND
from physscale.simulate.phyre.rows import PALETTE, PLACES, padded
from physscale.simulate.phyre.scenario import Case, Phyre
from physscale.simulate.phyre.worker import PhyreWorker
from physscale.simulate.spec import DataSpec

START_S, INTERVAL_S, FRAMES = 1 / STEPS_A_SECOND, 20 / STEPS_A_SECOND, 32


def phyre_data(
    scenario: Phyre,
    *,
    videos: int | None = None,
    engine: Literal["box2d", "phyre"] = "box2d",
    split: str = "train",
) -> DataSpec:
    """The data set with the paper's clock: 32 frames, 20 steps of 1/60 s apart; by default all rows
    of the scenario."""
    count = scenario.count if videos is None else videos
    return DataSpec(
        scenario=scenario,
        videos=count,
        frames=FRAMES,
        interval_s=INTERVAL_S,
        start_s=START_S,
        engine=engine,
        split=split,
    )


def trace(data: DataSpec, *, indices: Int[np.ndarray, " batch"]) -> Trace:
    """States of these rows, padded to 14 bodies. No contact moments: PHYRE reports none.

    Raises:
        UserError: for an engine or a clock that PHYRE does not have, or where the real PHYRE is not
            set up.
    """
    assert isinstance(data.scenario, Phyre)
    stride = steps_between_frames(data)
    cases = (data.scenario.case(index) for index in indices.tolist())
    state = np.empty((len(indices), data.frames, PLACES, 6))
    motions = (
        _real(cases, data=data, stride=stride)
        if data.engine == "phyre"
        else _replica(cases, data=data, stride=stride)
    )
    for row, motion in enumerate(motions):
        state[row] = padded(motion, size_px=data.scenario.scene_px)
    return Trace(state=state, contact_s=np.full(len(indices), np.nan))


def own_frames(
    data: DataSpec, *, indices: Int[np.ndarray, " batch"]
) -> UInt8[np.ndarray, "batch frames height width 3"]:
    """PHYRE's own frames of these rows, as wide as its scene, in the colours of its palette.

    Raises:
        UserError: for any engine but the real PHYRE, or where that is not set up.
    """
    assert isinstance(data.scenario, Phyre)
    if data.engine != "phyre":
        raise UserError(
            f"engine={data.engine}: only engine=phyre paints frames of its own; draw these with "
            "style=hard, which is the same"
        )
    stride, side = steps_between_frames(data), data.scenario.scene_px
    cases = (data.scenario.case(index) for index in indices.tolist())
    tasks = (
        Task(setting=case.setting, ball=case.ball, frames=data.frames, stride=stride)
        for case in cases
    )
    out = np.empty((len(indices), data.frames, side, side, 3), np.uint8)
    for row, answer in enumerate(process_worker(side).run(tasks)):
        np.take(np.array(PALETTE, np.uint8), palette_frames(answer), axis=0, out=out[row])
    return out


def steps_between_frames(data: DataSpec) -> int:
    """How many steps of 1/60 s lie between two frames."""
    if data.engine not in ("box2d", "phyre"):
        raise UserError(
            f"engine={data.engine}: scenario 'phyre' runs on engine=box2d (in process) or "
            "engine=phyre (the real one)"
        )
    stride = round(data.interval_s * STEPS_A_SECOND)
    if stride < 1 or not math.isclose(stride / STEPS_A_SECOND, data.interval_s, rel_tol=1e-9):
        raise UserError(
            f"interval_s={data.interval_s}: PHYRE steps by 1/60 s; the paper's interval is 20/60"
        )
    if not math.isclose(data.start_s, START_S, rel_tol=1e-9):
        raise UserError(
            f"start_s={data.start_s}: PHYRE's first frame is after its first step; write "
            "start_s=1/60"
        )
    return stride


def _replica(
    cases: Iterator[Case], *, data: DataSpec, stride: int
) -> Iterator[Float[np.ndarray, "frames bodies 6"]]:
    for case in cases:
        motion = replica.simulate(case.setting, ball=case.ball, frames=data.frames, stride=stride)
        yield np.concatenate([motion.pose, motion.velocity], axis=-1)


def _real(
    cases: Iterator[Case], *, data: DataSpec, stride: int
) -> Iterator[Float[np.ndarray, "frames bodies 6"]]:
    assert isinstance(data.scenario, Phyre)
    tasks = (
        Task(
            setting=case.setting,
            ball=case.ball,
            frames=data.frames,
            stride=stride,
            want=("velocities",),
        )
        for case in cases
    )
    for answer in process_worker(data.scenario.scene_px).run(tasks):
        assert answer.velocity is not None
        yield np.concatenate([answer.pose, answer.velocity], axis=-1)


@cache
def process_worker(size_px: int) -> PhyreWorker:
    """This process's child for scenes of this size, started at its first task and ended with the
    process."""
    worker = PhyreWorker(size_px=size_px)
    atexit.register(worker.close)
    return worker
