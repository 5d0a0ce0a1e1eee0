"""A test split as the tables of its scores need it: true videos, columns, metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import VideoMetric
from physscale.evaluate.motion.track import Parsed
from physscale.evaluate.scores import RunColumns, score_table
from physscale.records.scores import Source
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.cost import cost
from physscale.run.spec import RunSpec, TestSplit
from physscale.simulate.simulate import simulate

__all__ = ["ScoredSplit", "run_columns", "scored_split"]


@dataclass(frozen=True)
class ScoredSplit:
    """A test split's true videos, and what all of its tables share."""

    run: RunSpec
    test_split: TestSplit
    truth: Videos
    columns: RunColumns
    metrics: tuple[VideoMetric, ...]

    @cached_property
    def pixels(self) -> UInt8[np.ndarray, "batch time size size 3"]:
        """The true frames, rendered once."""
        return render(self.truth, canvas=self.run.canvas)

    @property
    def split(self) -> str:
        return self.test_split.data.split

    @property
    def frames(self) -> int:
        return self.run.given_frames

    @property
    def tracked(self) -> bool:
        """Whether its bodies are found by colour. For those that are not, `physscale evaluate`
        scores the frames."""
        return self.test_split.data.scenario.tracked

    def generated(
        self, frames: np.ndarray | None = None, *, predicted: Parsed | None = None
    ) -> Generated:
        """These frames, or tracks, with the truth."""
        return Generated(
            truth=self.truth,
            canvas=self.run.canvas,
            condition_frames=self.frames,
            frames=frames,
            predicted=predicted,
            run=self.run.fingerprint,
        )

    def take(self, rows: slice) -> "ScoredSplit":
        """Some rows of the split."""
        return replace(self, truth=self.truth.take(rows))

    def values(self, generated: Generated) -> dict[str, np.ndarray]:
        """Float[videos] of every metric that is defined on these videos."""
        return {
            metric.name: metric.per_video(generated)
            for metric in self.metrics
            if metric.defined_on(generated, scenario=self.test_split.data.scenario)
        }

    def table(self, values: Mapping[str, np.ndarray], *, source: Source) -> pa.Table:
        """The `SCORES` rows of one source, from the values of all videos. A metric without a value
        gets no row."""
        return score_table(
            values,
            columns=self.columns,
            split=self.split,
            kind=self.test_split.kind,
            source=source,
        )

    @property
    def measurable(self) -> bool:
        """Whether any metric can be computed on this split."""
        return any(self.tracked or metric.needs == "frames" for metric in self.metrics)


def scored_split(
    run: RunSpec, split: TestSplit, *, columns: RunColumns, metrics: Iterable[VideoMetric]
) -> ScoredSplit:
    """The split's videos, drawn again from their description."""
    truth = simulate(split.data, indices=np.arange(split.data.videos))
    return ScoredSplit(run, split, truth, columns=columns, metrics=tuple(metrics))


def run_columns(run: RunSpec, *, study: str) -> RunColumns:
    """The columns that all rows of a run share; `write_study_tables` adds the run's group."""
    price = cost(run)
    return RunColumns(
        study=study,
        run=run.fingerprint,
        group="",
        parameters=price.parameters,
        videos=run.data.videos,
        combinations=run.combinations,
        steps=run.train.steps,
        flops=price.flops,
        seed=run.seed,
    )
