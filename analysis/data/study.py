"""A study's results folder as the analysis sees it: scores, outcomes, runs, environment.

Missing parts are empty; damaged ones are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from physscale.records.errors import DamagedData, UserError
from physscale.records.json_file import read_json
from physscale.records.ledger import Entry, Ledger
from physscale.records.metric_table import Metric, metric_named, read_metric_table
from physscale.records.metrics import read_metrics
from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.store import Store
from physscale.records.tables import read_parquet

AXES = {"N": "parameters", "D": "videos", "C": "combinations"}

_MIMICRY = {"gap": "gap", "flip": "flip", "noflip": "flip"}
_BEFORE_THE_FIELD = {
    "quickstart": {**_MIMICRY, "workers": "workers"},
    "mimicry": _MIMICRY,
    "motion": {"workers": "workers"},
}
"""The demonstrations of version 0.1, by study and group: its `study.json` does not declare them. A
newer `study.json` always does, so this table serves only those old folders."""


@dataclass(frozen=True)
class StudyRun:
    """One run: its description, its training data and the place of its files."""

    fingerprint: str
    group: str
    seed: int
    parameters: int
    videos: int
    combinations: int
    steps: int
    flops: float
    folder: Path
    spec: Mapping[str, Any]

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The training scenario's description; empty where run.json does not hold one."""
        found = find(self.spec, "data", "scenario")
        return found if isinstance(found, dict) else {}

    @property
    def description(self) -> Mapping[str, Any]:
        """The run's own description; empty where run.json does not hold one."""
        found = self.spec.get("spec", self.spec)
        return found if isinstance(found, dict) else {}

    @property
    def trained_speeds(self) -> list[tuple[float, float]]:
        """The ranges of speed (m/s) in training; empty for a scenario without such ranges."""
        return _ranges(self.scenario.get("speed_m_s"))

    @property
    def workers(self) -> int:
        """The number of training workers."""
        found = find(self.spec, "workers")
        return found if isinstance(found, int) else 1

    def tested_speeds(self, split: str) -> list[tuple[float, float]]:
        """The ranges of speed (m/s) of a test split; empty where run.json does not hold any."""
        splits = find(self.spec, "judges")
        for test_split in splits if isinstance(splits, list) else []:
            if find(test_split, "data", "split") == split:
                return _ranges(find(test_split, "data", "scenario", "speed_m_s"))
        return []

    def axis(self, name: str) -> float:
        """The run's value of N, D or C."""
        return float(getattr(self, AXES[name]))

    def metrics(self) -> list[dict[str, Any]]:
        """The training history; empty where there is none.

        Raises:
            DamagedData: if it is damaged, or ends before the training did.
        """
        path = self.folder / "metrics.jsonl"
        lines = read_metrics(path, run=self.fingerprint)
        last = lines[-1]["step"] if lines else 0
        if path.exists() and last < self.steps:
            raise DamagedData(f"{path}: cut short at step {last} of {self.steps}")
        return lines


@dataclass(frozen=True)
class Study:
    """Everything that a results folder holds."""

    root: Path
    record: Mapping[str, Any]
    scores: pa.Table
    outcomes: pa.Table
    runs: Mapping[str, StudyRun]
    ledger: Mapping[str, Entry]

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Every declared metric, by name."""
        return read_metric_table(Store(self.root).metric_table)

    def metric(self, name: str) -> Metric:
        """How a metric is shown. An undeclared metric appears under its own name."""
        return metric_named(name, table=self.metrics)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The scores, as dictionaries."""
        return self.scores.to_pylist()

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.record.get("name", self.root.name))

    def groups_of(self, run: StudyRun) -> list[str]:
        """Every group of the run: `study.json` lists them all, the score table only the first."""
        return self._listed.get(run.fingerprint, {}).get("groups") or [run.group]

    def label(self, run: StudyRun) -> str:
        """The run's name for a reader."""
        return str(
            self._listed.get(run.fingerprint, {}).get("label")
            or f"{run.group} {run.fingerprint[:8]}"
        )

    @property
    def demonstrations(self) -> Mapping[str, str]:
        """The groups that are demonstrations, with the demonstration of each."""
        declared = self.record.get("demonstrations", _BEFORE_THE_FIELD.get(self.name, {}))
        return declared if isinstance(declared, dict) else {}

    def demonstrated_runs(self) -> dict[str, list[StudyRun]]:
        """The runs of each declared demonstration that have scores."""
        found: dict[str, list[StudyRun]] = {}
        for group, demonstration in self.demonstrations.items():
            if runs := self.in_group(group):
                found.setdefault(demonstration, []).extend(runs)
        return found

    def in_group(self, group: str) -> list[StudyRun]:
        """The runs of a group that have scores."""
        return [run for run in self.runs.values() if group in self.groups_of(run)]

    @cached_property
    def _listed(self) -> dict[str, dict[str, Any]]:
        listed = self.record.get("runs", [])
        return {
            row["fingerprint"]: row
            for row in listed
            if isinstance(row, dict) and "fingerprint" in row
        }

    def score(
        self, run: StudyRun, *, split: str, metric: str, source: str = "model"
    ) -> dict[str, Any] | None:
        """One row of the scores."""
        return self._indexed.get((run.fingerprint, split, metric, source))

    @cached_property
    def _indexed(self) -> dict[tuple[str, str, str, str], dict[str, Any]]:
        return {(row["run"], row["split"], row["metric"], row["source"]): row for row in self.rows}

    def splits(self, run: StudyRun) -> dict[str, str]:
        """The test splits of a run, with their kinds, in the order of the scores."""
        return {row["split"]: row["kind"] for row in self.rows if row["run"] == run.fingerprint}

    def outcome_columns(self, run: str) -> dict[str, np.ndarray]:
        """OUTCOMES of one run, as arrays."""
        import pyarrow.compute as pc

        part = self.outcomes.filter(pc.field("run") == run)
        return {name: part[name].to_numpy(zero_copy_only=False) for name in part.column_names}


def _ranges(value: object) -> list[tuple[float, float]]:
    """The value as pairs of numbers; empty for anything else."""
    try:
        return [(float(low), float(high)) for low, high in value]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return []


def find(value: object, *keys: str) -> object:
    """The value at a path of keys; None where the path ends early. One more level ("spec") may wrap
    a run's description."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = (
            value[key]
            if key in value
            else value.get("spec", {}).get(key)
            if isinstance(value.get("spec"), dict)
            else None
        )
    return value


def read_study(root: Path) -> Study:
    """Reads a results folder.

    Raises:
        UserError: if there is no folder or no score in it yet.
        DamagedData: if a file is not what it should be.
    """
    store = Store(root)
    if not root.is_dir():
        raise UserError(
            f"{root}: no such folder; give the results folder of a study, such as "
            "results/quickstart"
        )
    if not store.scores.is_file():
        raise UserError(
            f"{store.scores}: no scores yet; run the study first (physscale run {root.name})"
        )
    scores = read_parquet(store.scores, SCORES)
    if scores.num_rows == 0:
        raise UserError(
            f"{store.scores}: no score in it yet; run the study first (physscale run {root.name})"
        )
    outcomes = (
        read_parquet(store.outcomes, OUTCOMES)
        if store.outcomes.exists()
        else OUTCOMES.empty_table()
    )
    return Study(
        root,
        _read_json(store.study),
        scores,
        outcomes,
        _runs(store, scores),
        Ledger(store.ledger).entries(),
    )


def _runs(store: Store, scores: pa.Table) -> dict[str, StudyRun]:
    names = ["run", "group", "seed", "parameters", "videos", "combinations", "steps", "flops"]
    found = {}
    for row in scores.select(names).to_pylist():
        if row["run"] in found:
            continue
        folder = store.run(row["run"]).root
        found[row["run"]] = StudyRun(
            fingerprint=row["run"],
            group=row["group"],
            seed=row["seed"],
            parameters=row["parameters"],
            videos=row["videos"],
            combinations=row["combinations"],
            steps=row["steps"],
            flops=row["flops"],
            folder=folder,
            spec=_described(folder, run=row["run"]),
        )
    return found


def _described(folder: Path, *, run: str) -> dict[str, Any]:
    record = _read_json(folder / "run.json")
    if record.get("fingerprint", run) != run:
        raise DamagedData(f"{folder / 'run.json'}: describes another run than the scores do")
    return record


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return read_json(path)
