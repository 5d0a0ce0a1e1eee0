"""Stage 1: rows of a data set from its specification and their numbers alone."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int, UInt8

from physscale.records.video import Videos
from physscale.simulate.batch import Batch, Trace, stack
from physscale.simulate.spec import DataSpec, row_generator, row_key

ROWS_AT_ONCE = 4096


def simulate(data: DataSpec, *, indices: Int[np.ndarray, " batch"]) -> Videos:
    """The rows with these numbers, without pixels; row i depends on (scenario, seed, draw, i)
    alone.

    Args:
        data: the data set; indices beyond `data.videos` are its continuation.
        indices: row numbers, in any order.
    """
    assert len(indices) > 0, "at least one row"
    parts = [
        _rows(data, indices=indices[start : start + ROWS_AT_ONCE])
        for start in range(0, len(indices), ROWS_AT_ONCE)
    ]
    return parts[0] if len(parts) == 1 else Videos.concat(parts)


def own_frames(
    data: DataSpec, *, indices: Int[np.ndarray, " batch"]
) -> UInt8[np.ndarray, "batch frames height width 3"]:
    """The frames of these rows as their engine paints them itself.

    Raises:
        UserError: for an engine that paints none.
    """
    return data.scenario.own_frames(engine=data.engine, indices=indices, clock=data.clock)


def _rows(data: DataSpec, *, indices: Int[np.ndarray, " batch"]) -> Videos:
    scenario, key = data.scenario, row_key(data)
    scenes = scenario.drawn(
        indices.tolist(), generator=lambda index: row_generator(key, index=index)
    )
    batch = stack(scenes)
    trace = scenario.trace(batch, engine=data.engine, indices=indices, clock=data.clock)
    templates = [scene.template for scene in scenes]
    videos = _videos(data, indices=indices, batch=batch, trace=trace, templates=templates)
    return replace(videos, from_trained=scenario.from_trained(videos))


def _videos(
    data: DataSpec, *, indices: np.ndarray, batch: Batch, trace: Trace, templates: list[str]
) -> Videos:
    rows = len(indices)
    time_s = data.start_s + np.arange(data.frames, dtype=np.float64) * data.interval_s
    return Videos(
        index=indices.astype(np.int64),
        scenario=np.full(rows, data.scenario.name, object),
        split=np.full(rows, data.split, object),
        template=np.array(templates, object),
        time_s=np.tile(time_s.astype(np.float32), (rows, 1)),
        state=trace.state.astype(np.float32),
        body=batch.body.astype(np.float32),
        contact_s=trace.contact_s.astype(np.float32),
        rod=None if batch.rod is None else batch.rod.astype(np.float32),
    )
