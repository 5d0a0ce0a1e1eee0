"""Ladders: runs of one scenario that differ only in one axis (N, D or C). They are found by their
values, not by a group's name.

Groups belong to one family if they train on the same scenario, apart from what varies within a
group, and are tested on the same splits. For each family, axis, split and metric the ladder is the
slice of the other axes with the most levels."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import Configurations, configurations
from analysis.data.study import AXES, Study, StudyRun
from analysis.fit.fit import Fit, fit
from analysis.laws.registry import law_named
from analysis.verdict.verdict import Verdict, decide, holm
from physscale.records.metric_table import Metric

LEAST_LEVELS = 3
AXIS_WORDS = {"N": "parameters", "D": "training videos", "C": "trained combinations"}
_MEASURED_FLOOR_BELOW = 0.9
_BOOTSTRAP = 1000


@dataclass(frozen=True)
class Ladder:
    """One curve: the errors of the runs of a slice on one split."""

    family: str
    axis: str
    split: str
    kind: str
    metric: Metric
    fixed: Mapping[str, float]
    x: Float[np.ndarray, " runs"]
    y: Float[np.ndarray, " runs"]
    low: Float[np.ndarray, " runs"]
    high: Float[np.ndarray, " runs"]
    seed: Float[np.ndarray, " runs"]
    runs: tuple[str, ...]
    floors: Mapping[str, float]
    verdict: Verdict

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The key that identifies the ladder."""
        return self.family, self.axis, self.split, self.metric.name

    @cached_property
    def points(self) -> Configurations:
        """Means over seeds."""
        return configurations({"x": self.x}, self.y)

    @property
    def known_floor(self) -> float:
        """The floor given to the fit: the codec's error (else the parser's) if the data stay above
        it, else zero."""
        for source in ("codec", "truth"):
            if 0 < self.floors.get(source, 0.0) < _MEASURED_FLOOR_BELOW * float(self.y.min()):
                return self.floors[source]
        return 0.0

    @cached_property
    def fit(self) -> Fit:
        """The power law above the known floor, or above a free one where the error saturates; the
        constant where the split does not scale."""
        if self.verdict.falls:
            return fit(
                law_named("power"),
                columns={"x": self.x},
                response=self.y,
                floor=self.known_floor if self.verdict.word == "scales" else None,
                bootstrap=_BOOTSTRAP,
            )
        return fit(law_named("flat"), columns={"x": self.x}, response=self.y, bootstrap=_BOOTSTRAP)

    def ends(self) -> tuple[float, float]:
        """Geometric mean error at the first and last level."""
        means = np.exp(self.points.log_mean)
        return float(means[0]), float(means[-1])


def ladders(study: Study) -> list[Ladder]:
    """Every ladder of the study with at least three levels. The verdicts are corrected (Holm) over
    all ladders of one metric."""
    family_of = families(study)
    found: list[Ladder] = []
    for family in dict.fromkeys(family_of.values()):
        runs = [run for run in study.runs.values() if family_of[run.group] == family]
        for axis in AXES:
            chosen, fixed = _slice(runs, axis)
            if chosen:
                found += _curves(study, family, axis, chosen, fixed)
    return _corrected(found)


def _corrected(found: list[Ladder]) -> list[Ladder]:
    result = list(found)
    for metric in dict.fromkeys(ladder.metric for ladder in found):
        places = [place for place, ladder in enumerate(found) if ladder.metric == metric]
        for place, verdict in zip(
            places, holm([found[place].verdict for place in places]), strict=True
        ):
            result[place] = replace(found[place], verdict=verdict)
    return result


def families(study: Study) -> dict[str, str]:
    """The family of each group, named after its first group."""
    members: dict[str, list[StudyRun]] = defaultdict(list)
    for run in study.runs.values():
        members[run.group].append(run)
    splits: dict[str, set[str]] = defaultdict(set)
    for row in study.rows:
        splits[row["group"]].add(row["split"])
    by_signature: dict[str, str] = {}
    found = {}
    for group, runs in members.items():
        signature = json.dumps(
            [_common([run.scenario for run in runs]), sorted(splits[group])],
            sort_keys=True,
            default=str,
        )
        found[group] = by_signature.setdefault(signature, group)
    return found


def _common(scenarios: list[Mapping[str, Any]]) -> dict[str, Any]:
    first = scenarios[0]
    return {
        key: value
        for key, value in first.items()
        if all(other.get(key) == value for other in scenarios)
    }


def _slice(runs: list[StudyRun], axis: str) -> tuple[list[StudyRun], dict[str, float]]:
    """The runs whose other axes have the values that leave the most levels of `axis` (then the most
    runs, then the largest values).

    Runs that trained longer or on more workers form another slice, since they would otherwise count
    as repeated seeds."""
    others = [name for name in AXES if name != axis]
    slices: dict[tuple[float, ...], list[StudyRun]] = defaultdict(list)
    for run in runs:
        if run.axis(axis) > 0:
            slices[(*(run.axis(name) for name in others), run.steps, -run.workers)].append(run)
    if not slices:
        return [], {}
    best = max(
        slices,
        key=lambda fixed: (
            len({run.axis(axis) for run in slices[fixed]}),
            len(slices[fixed]),
            fixed,
        ),
    )
    if len({run.axis(axis) for run in slices[best]}) < LEAST_LEVELS:
        return [], {}
    return slices[best], dict(zip(others, best[: len(others)], strict=True))


def _curves(
    study: Study, family: str, axis: str, runs: list[StudyRun], fixed: Mapping[str, float]
) -> list[Ladder]:
    place = {run.fingerprint: run for run in runs}
    values: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    floors: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in study.rows:
        if row["run"] in place and row["source"] == "model":
            values[row["split"], row["kind"], row["metric"]].append(row)
        elif row["run"] in place:
            floors[row["split"], row["metric"]][row["source"]].append(row["value"])
    found = []
    for (split, kind, metric), rows in values.items():
        x = np.array([place[row["run"]].axis(axis) for row in rows])
        y = np.array([row["value"] for row in rows], dtype=float)
        good = np.isfinite(y) & (y > 0)
        if not study.metric(metric).may_scale or len(np.unique(x[good])) < LEAST_LEVELS:
            continue
        known = {
            source: float(np.median(numbers)) for source, numbers in floors[split, metric].items()
        }
        found.append(
            Ladder(
                family=family,
                axis=axis,
                split=split,
                kind=kind,
                metric=study.metric(metric),
                fixed=fixed,
                x=x[good],
                y=y[good],
                low=_numbers(rows, "low")[good],
                high=_numbers(rows, "high")[good],
                seed=_numbers(rows, "seed")[good],
                runs=tuple(row["run"] for row, kept in zip(rows, good, strict=True) if kept),
                floors=known,
                verdict=decide(configurations({"x": x[good]}, y[good]), axis="x"),
            )
        )
    return found


def _numbers(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=float)
