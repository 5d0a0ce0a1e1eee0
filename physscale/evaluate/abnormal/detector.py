"""Abnormal or not: scores against thresholds, rates with Wilson intervals, and rows for the table
of scores.

A video is abnormal where any rule's score passes its threshold. Thresholds were set on true videos
by `physscale judge calibrate` (file `thresholds.json` beside this one, by family and frame size;
the nearest size counts); none is below `FLOOR`, what one can see."""

import functools
import importlib.resources
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from physscale.evaluate.abnormal import free_discs as laws
from physscale.evaluate.abnormal import phyre
from physscale.evaluate.scores import Kind, RunColumns, Source
from physscale.records.errors import UserError
from physscale.records.rate import wilson
from physscale.records.scene import Behaviour, Shape
from physscale.records.scores import SCORES
from physscale.records.video import BODY, Videos

Family = Literal["laws", "phyre"]
Thresholds = dict[str, dict[str, dict[str, float]]]
"""By family, frame size and rule."""

THRESHOLDS = importlib.resources.files(__package__).joinpath("thresholds.json")
FLOOR: dict[str, dict[str, float]] = {
    "laws": {
        "permanence": 0.5,
        "count": 0.1,
        "size": 0.05,
        "shape": 0.1,
        "colour": 0.1,
        "penetration": 0.1,
        "force": 0.05,
        "impulse": 0.25,
        "momentum": 1.0,
        "energy": 1.0,
        "replay": 0.1,
    },
    "phyre": {
        "permanence": 0.2,
        "count": 0.05,
        "static": 0.05,
        "size": 0.04,
        "colour": 0.05,
        "strength": 0.1,
        "penetration": 0.1,
        "tunnel": 0.2,
        "force": 3.0,
        "energy": 0.3,
        "replay": 0.25,
    },
}
CONTACT, FREE_FLIGHT = (
    {"penetration", "momentum", "energy", "replay"},
    {"impulse", "momentum", "energy"},
)
"""Rules of laws about two discs, and about discs that nothing but gravity moves."""


@dataclass(frozen=True)
class Detections:
    """B videos judged.

    Attributes:
        scores, thresholds: by rule.
        asked: the rules that these bodies can break; the others are never broken, which says
            nothing.
    """

    family: Family
    scores: Mapping[str, Float[np.ndarray, " batch"]]
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
        """Of videos that were judged part by part.

        Raises:
            UserError: for parts of two families or frame sizes.
        """
        first = parts[0]
        if any(
            (part.family, part.thresholds) != (first.family, first.thresholds) for part in parts
        ):
            raise UserError(
                "judge: laws and PHYRE, or frames of two sizes, have rules and thresholds of "
                "their own; judge them one by one"
            )
        asked = tuple(rule for rule in first.scores if any(rule in part.asked for part in parts))
        scores = {
            rule: np.concatenate([part.scores[rule] for part in parts]) for rule in first.scores
        }
        return cls(first.family, scores, first.thresholds, asked)


def family_of(videos: Videos) -> Family:
    """Which rules these rows fall under.

    Raises:
        UserError: for rows without frames, or bodies that neither family of rules knows.
    """
    if videos.pixels is None:
        raise UserError(
            "judge: these rows hold states and no frames; `physscale simulate NAME --size 64` "
            "stores frames"
        )
    if (videos.scenario == "phyre").all():
        return "phyre"
    discs = (videos.body[:, :, BODY.index("shape")] == Shape.DISC).all() and (
        videos.body[:, :, BODY.index("half_height_m")] == 0
    ).all()
    if not discs or (videos.body[:, :, BODY.index("mass_kg")] == 0.0).any():
        names = ", ".join(sorted({str(name) for name in videos.scenario})[:3])
        raise UserError(
            f"judge: the rules are for discs among no walls and for phyre, not for scenario {names}"
        )
    return "laws"


def detect(videos: Videos, *, thresholds: Mapping[str, float] | None = None) -> Detections:
    """Scores and detections of rows with frames.

    Args:
        thresholds: by rule; else those that belong to the frames' size.
    """
    family = family_of(videos)
    assert videos.pixels is not None
    scores = scores_of(videos, family=family)
    limits = (
        thresholds_for(family, size_px=videos.pixels.shape[2]) if thresholds is None else thresholds
    )
    return Detections(family, scores, limits, asked_of(videos, family=family))


def asked_of(videos: Videos, *, family: Family) -> tuple[str, ...]:
    """The rules that these bodies can break at all: a disc alone meets no one, one with a behaviour
    of its own is asked for its course."""
    if family == "phyre":
        return phyre.RULES
    free = (videos.body[:, :, BODY.index("behaviour")] == Behaviour.FREE).all(axis=1).any()
    unasked = (CONTACT if videos.body.shape[1] == 1 else set()) | (set() if free else FREE_FLIGHT)
    return tuple(rule for rule in laws.RULES if rule not in unasked)


def scores_of(videos: Videos, *, family: Family) -> dict[str, Float[np.ndarray, " batch"]]:
    """The family's scores."""
    return laws.law_scores(videos) if family == "laws" else phyre.phyre_scores(videos).scores


def shipped_thresholds() -> Thresholds:
    """Those that the judge comes with."""
    found: Thresholds = json.loads(THRESHOLDS.read_text())
    return found


def thresholds_for(family: Family, *, size_px: int) -> dict[str, float]:
    """Of the calibrated frame size that is nearest on a logarithmic scale."""
    table = shipped_thresholds()[family]
    return table[min(table, key=lambda size: abs(math.log(int(size) / size_px)))]


def abnormal_rates(
    detections: Detections, *, columns: RunColumns, split: str, kind: Kind, source: Source
) -> pa.Table:
    """`SCORES` rows: the rate of abnormal videos and of each asked rule's, with Wilson
    intervals."""
    rows = []
    for metric, flags in {
        "abnormal_rate": detections.abnormal,
        **{f"abnormal_{rule}": detections.fired[rule] for rule in detections.asked},
    }.items():
        rate = wilson(int(flags.sum()), of=len(flags))
        numbers = {"value": rate.value, "low": rate.low, "high": rate.high, "count": rate.count}
        rows.append(
            {**columns, "split": split, "kind": kind, "source": source, "metric": metric, **numbers}
        )
    return pa.Table.from_pylist(rows, schema=SCORES)
