"""The scores of one test split: the model's, and beside them what no model, or any model, can do.

Sources are the model, the floors (true frames, and true frames after the codec) and baselines."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from physscale.evaluate.generated import Generated
from physscale.records.scores import OUTCOMES, Source
from physscale.run.baseline_tracks import TrainingRows, baseline_tracks
from physscale.run.scored_split import ScoredSplit

__all__ = ["outcomes_of", "source_scores"]


def outcomes_of(case: ScoredSplit, generated: Generated) -> pa.Table:
    """The model's outcomes; none where bodies cannot be tracked."""
    return generated.outcomes if case.tracked else OUTCOMES.empty_table()


def source_scores(
    case: ScoredSplit, model: Generated, *, recoded: np.ndarray, training: TrainingRows
) -> Iterator[pa.Table]:
    """The scores of the model, the floors and the baselines on one split. The floors are the true
    frames, and the true frames after the codec (`recoded`): no model can be better."""
    yield case.score(model, source="model")
    floors: dict[Source, np.ndarray] = {"truth": case.pixels, "codec": recoded}
    for source, pixels in floors.items():
        yield case.score(case.generated(pixels), source=source)
    if case.tracked:
        for source, track in baseline_tracks(case, training=training):
            yield case.score(case.generated(predicted=track), source=source)
