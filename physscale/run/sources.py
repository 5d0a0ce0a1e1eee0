"""The scores of one test split: the model's, and beside them what no model, or any model, can do.

Sources are the model, the floors (true frames, and true frames after the codec) and baselines. The
videos are measured some at a time."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from physscale.evaluate.generated import Generated
from physscale.records.scores import OUTCOMES, SCORES, Source
from physscale.run.baseline_tracks import TrainingRows, baseline_tracks
from physscale.run.scored_split import ScoredSplit

__all__ = ["Measured", "measured"]

Frames = UInt8[np.ndarray, "batch time size size 3"]


class Measured(NamedTuple):
    """The tables of one split.

    Attributes:
        scores: `SCORES` rows of every source.
        outcomes: `OUTCOMES` rows of the model; none where bodies cannot be tracked.
    """

    scores: pa.Table
    outcomes: pa.Table


def measured(
    case: ScoredSplit,
    frames: Iterable[Frames],
    *,
    recode: Callable[[ScoredSplit], Frames],
    training: TrainingRows,
) -> Measured:
    """Measures a model's videos, the floors and the baselines.

    Args:
        frames: the model's videos, some at a time, in the order of the split's rows.
        recode: from some rows to their true frames after the codec. No model can be better.
    """
    values: dict[Source, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    outcomes = [OUTCOMES.empty_table()]
    start = 0
    for some in frames:
        part = case.take(slice(start, start + len(some)))
        start += len(some)
        model = part.generated(some)
        if case.tracked:
            outcomes.append(model.outcomes)
        if case.measurable:
            for source, generated in _sources(part, model, recode=recode, training=training):
                for name, found in part.values(generated).items():
                    values[source][name].append(found)
    scores = [
        case.table({name: np.concatenate(found) for name, found in by_name.items()}, source=source)
        for source, by_name in values.items()
    ]
    return Measured(
        scores=pa.concat_tables([SCORES.empty_table(), *scores]),
        outcomes=pa.concat_tables(outcomes),
    )


def _sources(
    case: ScoredSplit,
    model: Generated,
    *,
    recode: Callable[[ScoredSplit], Frames],
    training: TrainingRows,
) -> Iterator[tuple[Source, Generated]]:
    yield "model", model
    yield "truth", case.generated(case.pixels)
    yield "codec", case.generated(recode(case))
    if case.tracked:
        for source, track in baseline_tracks(case, training=training):
            yield source, case.generated(predicted=track)
