"""What the answers come to: the share of abnormal videos of each source in the raters' eyes, and
how far raters (and the detector) agree.

The paper's number (arXiv 2411.02385, appendix C.2) is the abnormal share averaged over raters who
all saw all videos; where some stopped early it is here the mean over clips of the share of their
raters."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physscale.dataset.source import read_rows
from physscale.evaluate.abnormal.detector import detect
from physscale.evaluate.scores import Interval, bootstrap
from physscale.raters.agreement import Kappa, cohen, fleiss
from physscale.raters.answers import Answer
from physscale.records.errors import UserError

AUTO = "auto"
MAJORITY, DETECTOR = "\tmajority of raters", "\tdetector"
"""Beside the raters' names, and never one of them: those hold no tabulator."""

Row = tuple[str, int]
"""A source and a row's number in it."""


@dataclass(frozen=True)
class Pair:
    """Two raters, or a rater and the detector, on the clips that both rated."""

    first: str
    second: str
    kappa: Kappa


@dataclass(frozen=True)
class Summary:
    """All of it; `all_raters` is Fleiss' kappa on the clips that every rater rated, None where
    there are none or one rater."""

    raters: dict[str, int]
    rates: dict[str, Interval]
    all_raters: Kappa | None
    pairs: list[Pair]
    with_detector: list[Pair]

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def summarise(answers: list[Answer], *, detections: dict[Row, bool] | None = None) -> Summary:
    """Rates and agreement.

    Args:
        detections: by row; rows that it does not know are left out of its agreement.

    Raises:
        UserError: if nobody has answered.
    """
    if not answers:
        raise UserError("no answers yet: open the page and judge some videos first")
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
    """Of each source: the mean over its clips of the share of raters who found the clip
    abnormal."""
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
    """Each rater and the majority of raters beside the detector; a tie is no majority."""
    majority = {
        row: 2 * sum(given) > len(given)
        for row, given in _votes(said).items()
        if 2 * sum(given) != len(given)
    }
    columns = {**said, MAJORITY: majority, DETECTOR: detections}
    return _pairs(columns, [(name, DETECTOR) for name in [*sorted(said), MAJORITY]])


def detector_rows(answers: list[Answer], *, folder: Path) -> dict[Row, bool]:
    """The detector's call on every row that somebody rated; mp4 files have no
    truth to compare with.

    Raises:
        UserError: if a source is gone, or of a scenario that the detector does not know.
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


def read_verdicts(path: Path) -> dict[Row, bool]:
    """Detections from a Parquet file with the columns source, index and abnormal.

    Raises:
        UserError: if it is no such file.
    """
    try:
        rows = pq.read_table(path, columns=["source", "index", "abnormal"]).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"--detector {path}: no Parquet file with source, index and abnormal "
            f"({type(error).__name__})"
        ) from error
    return {(str(row["source"]), int(row["index"])): bool(row["abnormal"]) for row in rows}
