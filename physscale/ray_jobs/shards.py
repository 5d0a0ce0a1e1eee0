"""Sources of videos for Ray Data, and mixtures of them: the simulator, a data set on disk, or both, in one deterministic order.

Each is a `ray_jobs.data.Source`: give it to `ray_jobs.data.ordered`.

A mixture gives every row of a batch to one of its sources by a counter-based draw (Philox, key = the seed, counter = the row's number), so
neither the number of workers nor the size of blocks can change which video is where.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physscale.dataset.folder import open_dataset
from physscale.records.errors import UserError
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
    """Rows of a data set on disk (a folder that every node can read), with its frames or rendered on read."""

    path: Path
    canvas: Canvas

    def __call__(self, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        folder = open_dataset(self.path)
        for indices in batches:
            yield folder.rows(indices, canvas=self.canvas)


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """Batches whose rows come from several sources with the given weights; row numbers are those of whichever source a row falls to."""

    sources: tuple[Simulated | Stored, ...]
    weights: tuple[float, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.weights) or not all(weight > 0 for weight in self.weights):
            raise UserError(f"weights={self.weights}: give one positive weight to each of the {len(self.sources)} sources")

    def __call__(self, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        for indices in batches:
            chosen = self.choice(indices)
            parts = [np.flatnonzero(chosen == number) for number in range(len(self.sources))]
            videos = [next(iter(source([indices[part]]))) for source, part in zip(self.sources, parts, strict=True) if len(part)]
            yield Videos.concat(videos).take(np.argsort(np.concatenate(parts)))

    def choice(self, indices: np.ndarray) -> np.ndarray:
        """The source of each row, a function of (seed, row number) alone."""
        edges = np.cumsum(self.weights) / sum(self.weights)
        draws = [np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 1, index])).random() for index in indices.tolist()]
        return np.searchsorted(edges, np.array(draws), side="right")
