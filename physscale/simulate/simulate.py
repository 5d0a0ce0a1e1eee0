"""Stage 1: rows of a data set from its specification and their numbers alone."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Int, UInt8

from physscale.records.errors import UserError, one_line
from physscale.records.video import STATE, Videos
from physscale.simulate.batch import Batch, Trace, stack
from physscale.simulate.spec import DataSpec, row_generator, row_key

ROWS_AT_ONCE = 4096
FAULTS_SHOWN = 3


def simulate(data: DataSpec, *, indices: Int[np.ndarray, " batch"]) -> Videos:
    """The rows with these numbers, without pixels; row i depends on (scenario, seed, draw, i)
    alone.

    Args:
        data: the data set; indices beyond `data.videos` are its continuation.
        indices: row numbers, in any order.

    Raises:
        UserError: naming the rows that the scenario or its engine fails on, and why. No other row
            takes their place: the data set would be another one than the scenario says.
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
    try:
        return _made(data, indices=indices)
    except (UserError, OSError, MemoryError):  # no fault of a row
        raise
    except Exception as error:  # a scenario or an engine may be anybody's
        faults = list(_faults(data, indices=indices))
        shown = "; ".join(f"row {row}: {why}" for row, why in faults[:FAULTS_SHOWN])
        raise UserError(
            f"scenario {data.scenario.name!r}, engine {data.engine}: fails on {len(faults)} of "
            f"{len(indices)} rows: {shown}"
            if faults
            else f"scenario {data.scenario.name!r}, engine {data.engine}: each of {len(indices)} "
            f"rows is well alone, but not together: {_reason(error)}"
        ) from error


def _faults(data: DataSpec, *, indices: Int[np.ndarray, " batch"]) -> Iterator[tuple[int, str]]:
    """The rows that fail alone, and why."""
    for place, index in enumerate(indices.tolist()):
        try:
            _made(data, indices=indices[place : place + 1])
        except Exception as error:
            yield index, _reason(error)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"


def _made(data: DataSpec, *, indices: Int[np.ndarray, " batch"]) -> Videos:
    scenario, key = data.scenario, row_key(data)
    scenes = scenario.drawn(
        indices.tolist(), generator=lambda index: row_generator(key, index=index)
    )
    batch = stack(scenes)
    trace = scenario.trace(batch, engine=data.engine, indices=indices, clock=data.clock)
    wanted = (len(indices), data.frames, batch.body.shape[1], len(STATE))
    if trace.state.shape != wanted or trace.contact_s.shape != wanted[:1]:
        raise ValueError(
            f"states of shape {trace.state.shape}, contacts of {trace.contact_s.shape}; (rows, "
            f"frames, bodies, numbers) are {wanted}"
        )
    templates = [scene.template for scene in scenes]
    videos = _videos(data, indices=indices, batch=batch, trace=trace, templates=templates)
    if not (np.isfinite(videos.state).all() and np.isfinite(videos.body).all()):
        raise ValueError("a state or body constant that is not finite")
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
