"""Abnormal or not: scores against thresholds, rates with Wilson intervals, and rows for the table
of scores.

A video is abnormal where any rule's score passes its threshold. `physscale calibrate-detector` set
the thresholds on true videos (file `thresholds.json` beside this one, by physics and frame size).
None is below the rule's floor, the smallest violation that one can see."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from physscale.evaluate.abnormal.rules import Scores, rules_of
from physscale.evaluate.scores import RunColumns
from physscale.records.errors import UserError
from physscale.records.rate import wilson
from physscale.records.scores import SCORES, Source, SplitKind
from physscale.records.video import Videos


@dataclass(frozen=True)
class Detections:
    """What the detector says of B videos.

    Attributes:
        scores, thresholds: by rule.
        asked: the rules that these bodies can break. The others never fire, which means nothing.
    """

    physics: str
    scores: Scores
    thresholds: Mapping[str, float]
    asked: tuple[str, ...]

    @functools.cached_property
    def fired(self) -> Mapping[str, Bool[np.ndarray, " batch"]]:
        """By rule: where the score passes its threshold."""
        return {rule: scores > self.thresholds[rule] for rule, scores in self.scores.items()}

    @property
    def abnormal(self) -> Bool[np.ndarray, " batch"]:
        """Any rule fired."""
        return np.any(list(self.fired.values()), axis=0)

    @classmethod
    def joined(cls, parts: Sequence["Detections"]) -> "Detections":
        """Of videos that were scored part by part.

        Raises:
            UserError: for parts of two physics or frame sizes.
        """
        first = parts[0]
        if any(
            (part.physics, part.thresholds) != (first.physics, first.thresholds) for part in parts
        ):
            raise UserError(
                "detector: videos of two physics, or frames of two sizes, have rules and "
                "thresholds of their own; give them one by one"
            )
        asked = tuple(rule for rule in first.scores if any(rule in part.asked for part in parts))
        scores = {
            rule: np.concatenate([part.scores[rule] for part in parts]) for rule in first.scores
        }
        return cls(first.physics, scores, first.thresholds, asked)


def detect(videos: Videos, *, thresholds: Mapping[str, float] | None = None) -> Detections:
    """Scores and detections of rows with frames.

    Args:
        thresholds: by rule; by default those for the frames' size.

    Raises:
        UserError: for rows that have no rules (`rules.rules_of`).
    """
    rules = rules_of(videos)
    limits = rules.thresholds(size_px=videos.frames.shape[2]) if thresholds is None else thresholds
    return Detections(rules.physics, rules.scores(videos), limits, rules.asked(videos))


def abnormal_rates(
    detections: Detections, *, columns: RunColumns, split: str, kind: SplitKind, source: Source
) -> pa.Table:
    """`SCORES` rows: the rate of abnormal videos and of each asked rule's, with Wilson
    intervals."""
    flags = {"abnormal_rate": detections.abnormal} | {
        f"abnormal_{rule}": detections.fired[rule] for rule in detections.asked
    }
    shared = {**columns, "split": split, "kind": kind, "source": source}
    rows = [
        {**shared, "metric": metric, **asdict(wilson(int(fired.sum()), of=len(fired)))}
        for metric, fired in flags.items()
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)
