"""Summary of the answers: the share of videos per source that raters call abnormal, and how far
raters agree with each other and with the detector.

In the paper (arXiv 2411.02385, appendix C.2) every rater sees every video, and the abnormal share
is averaged over raters. Here raters may stop early, so the share of raters is computed per clip and
averaged over the clips."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from physscale.dataset.source import read_rows
from physscale.evaluate.abnormal.detector import detect
from physscale.evaluate.scores import Interval, bootstrap
from physscale.raters.agreement import Kappa, cohen, fleiss
from physscale.raters.answers import Answer
from physscale.records.arrow_types import UNREADABLE, refuse_code
from physscale.records.errors import UserError
from physscale.records.regular import regular

AUTO = "auto"
MAJORITY, DETECTOR = "\tmajority of raters", "\tdetector"
"""They cannot collide with a rater's name, which holds no tab."""

Row = tuple[str, int]
"""A source and the number of a row in it."""


@dataclass(frozen=True)
class Pair:
    """Two raters, or a rater and the detector, on the clips that both rated."""

    first: str
    second: str
    kappa: Kappa


@dataclass(frozen=True)
class Summary:
    """Rates and agreement.

    Attributes:
        raters: number of rated clips by rater.
        rates: share of abnormal videos by source.
        all_raters: Fleiss' kappa on the clips that every rater rated; None if there is no such clip
            or only one rater.
        pairs: Cohen's kappa of every pair of raters.
        with_detector: Cohen's kappa of each rater, and of their majority, with the detector.
    """

    raters: dict[str, int]
    rates: dict[str, Interval]
    all_raters: Kappa | None
    pairs: list[Pair]
    with_detector: list[Pair]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise(answers: list[Answer], *, detections: dict[Row, bool] | None = None) -> Summary:
    """Rates and agreement.

    Args:
        detections: whether the detector calls a row abnormal; other rows do not count in its
            agreement.

    Raises:
        UserError: if nobody has answered.
    """
    if not answers:
        raise UserError("no answers yet: open the page and rate some videos first")
    said: dict[str, dict[Row, bool]] = defaultdict(dict)
    for answer in answers:
        said[answer.rater][answer.source, answer.index] = answer.abnormal
    names = sorted(said)
    shared = sorted(set.intersection(*(set(rows) for rows in said.values())))
    everybody = np.array([[said[name][row] for name in names] for row in shared])
    with_it = _against_detector(said, detections=detections or {})
    return Summary(
        raters={name: len(said[name]) for name in names},
        rates=_rates(said),
        all_raters=fleiss(everybody) if len(names) > 1 and shared else None,
        pairs=_pairs(said, list(combinations(names, 2))),
        with_detector=with_it,
    )


def _votes(said: dict[str, dict[Row, bool]]) -> dict[Row, list[bool]]:
    votes: dict[Row, list[bool]] = defaultdict(list)
    for rows in said.values():
        for row, abnormal in rows.items():
            votes[row].append(abnormal)
    return votes


def _rates(said: dict[str, dict[Row, bool]]) -> dict[str, Interval]:
    """Per source: the share of raters who call a clip abnormal, averaged over its clips."""
    votes = _votes(said)
    sources = sorted({source for source, _ in votes})
    return {
        name: bootstrap(np.array([np.mean(votes[row]) for row in sorted(votes) if row[0] == name]))
        for name in sources
    }


def _pairs(said: dict[str, dict[Row, bool]], pairs: list[tuple[str, str]]) -> list[Pair]:
    found = []
    for first, second in pairs:
        both = sorted(set(said[first]) & set(said[second]))
        if both:
            one, other = (np.array([said[name][row] for row in both]) for name in (first, second))
            found.append(Pair(first.strip(), second.strip(), cohen(one, second=other)))
    return found


def _against_detector(
    said: dict[str, dict[Row, bool]], *, detections: dict[Row, bool]
) -> list[Pair]:
    """Each rater, and the majority of raters, against the detector; a tie is no majority."""
    majority = {
        row: 2 * sum(given) > len(given)
        for row, given in _votes(said).items()
        if 2 * sum(given) != len(given)
    }
    columns = {**said, MAJORITY: majority, DETECTOR: detections}
    return _pairs(columns, [(name, DETECTOR) for name in [*sorted(said), MAJORITY]])


def detected_rows(answers: list[Answer], *, folder: Path) -> dict[Row, bool]:
    """Whether the detector calls each rated row abnormal. It skips mp4 files, which come without a
    truth.

    Raises:
        UserError: if a source is missing, or the detector does not know its scenario.
    """
    wanted: dict[str, set[int]] = defaultdict(set)
    for answer in answers:
        if answer.index >= 0:
            wanted[answer.source].add(answer.index)
    found: dict[Row, bool] = {}
    for source, indices in sorted(wanted.items()):
        rows = read_rows(folder / source, indices=np.array(sorted(indices)))
        found |= {
            (source, int(index)): bool(flag)
            for index, flag in zip(rows.index, detect(rows).abnormal, strict=True)
        }
    return found


def read_detections(path: Path) -> dict[Row, bool]:
    """Detections from a Parquet file with the columns source, index and abnormal.

    Raises:
        UserError: if it is not such a file.
    """
    try:
        table = pq.read_table(regular(path), columns=["source", "index", "abnormal"])
        refuse_code(table.schema)
        table.validate(full=True)
        return {
            (str(row["source"]), int(row["index"])): bool(row["abnormal"])
            for row in table.to_pylist()
        }
    except UNREADABLE as error:
        raise UserError(
            f"--detector {path}: no Parquet file with source, index and abnormal "
            f"({type(error).__name__})"
        ) from error
