"""Stage 1: rows of a data set, from nothing but its specification and their numbers."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from physscale.records.errors import UserError
from physscale.records.scene import Scene
from physscale.records.video import Videos
from physscale.simulate.batch import Batch, Trace, stack
from physscale.simulate.engines import analytic, box2d, pymunk
from physscale.simulate.paper.listed_files import PaperFile
from physscale.simulate.phyre import simulate as phyre
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.scenarios.holes import CollisionHoles
from physscale.simulate.spec import DataSpec, Listed, row_generator, row_key
from physscale.simulate.trained_distance import hull_distance

ENGINES = {"analytic": analytic.run, "pymunk": pymunk.run, "box2d": box2d.run}
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


def _rows(data: DataSpec, *, indices: Int[np.ndarray, " batch"]) -> Videos:
    scenes = _scenes(data, indices=indices.tolist())
    batch = stack(scenes)
    time_s = data.start_s + np.arange(data.frames) * data.interval_s
    if isinstance(data.scenario, Phyre):
        trace: Trace = phyre.trace(data, indices=indices)
    elif data.engine in ENGINES:
        trace = ENGINES[data.engine](batch, time_s=time_s)
    else:
        raise UserError(
            f"engine={data.engine}: only scenario 'phyre' runs on it; use {', '.join(ENGINES)}"
        )
    videos = _videos(
        data,
        indices=indices,
        batch=batch,
        trace=trace,
        templates=[scene.template for scene in scenes],
    )
    trained = (
        data.scenario.trained if isinstance(data.scenario, (CollisionHoles, PaperFile)) else None
    )
    return (
        videos
        if trained is None
        else replace(videos, from_trained=hull_distance(videos, trained=trained).columns)
    )


def _scenes(data: DataSpec, *, indices: list[int]) -> list[Scene]:
    if isinstance(data.scenario, Listed):
        return [data.scenario.scene(index) for index in indices]
    key = row_key(data)
    return [data.scenario.draw(row_generator(key, index=index)) for index in indices]


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
    )
