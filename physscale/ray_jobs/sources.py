"""Sources of videos for Ray Data: the simulator, or a data set on disk.

Each is a `ray_jobs.data.Source`: give it to `ray_jobs.data.ordered`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physscale.dataset.folder import open_dataset
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.run.context import stream
from physscale.simulate.spec import DataSpec


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """Rows drawn on the spot."""

    data: DataSpec
    canvas: Canvas

    def __call__(self, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        return stream(self.data, canvas=self.canvas, batches=batches)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Rows of a data set on disk (a folder that every node can read), with its frames or rendered
    on read."""

    path: Path
    canvas: Canvas

    def __call__(self, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        folder = open_dataset(self.path)
        for indices in batches:
            yield folder.rows(indices, canvas=self.canvas)
