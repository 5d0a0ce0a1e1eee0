"""What a study shows, before any words or figures: its ladders, the leading ones, and the runs of
the demonstrations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.data.intervals import Interval, ratio_of_means
from analysis.data.study import Study, StudyRun
from analysis.design.ladders import Ladder, ladders
from physscale.records.metric_table import Metric, shown_in

KINDS = ("id", "ood", "combinatorial")
LEADING_AXES = ("D", "N", "C")


@dataclass(frozen=True)
class Findings:
    """The study with its ladders; `leading` has at most one ladder per kind."""

    study: Study
    ladders: Sequence[Ladder]
    leading: Sequence[Ladder]

    @property
    def shown_metrics(self) -> list[Metric]:
        """The metrics whose ladders are drawn."""
        return shown_in("report", table=self.study.metrics)

    def beside(self) -> list[Ladder]:
        """Other splits with the family, axis and metric of the leading ladders, without those that
        only test interpolation."""
        lead = {ladder.key for ladder in self.leading}
        places = {
            (ladder.family, ladder.axis, ladder.metric, ladder.kind) for ladder in self.leading
        }
        return [
            ladder
            for ladder in self.ladders
            if (ladder.family, ladder.axis, ladder.metric, ladder.kind) in places
            and ladder.key not in lead
            and not between_directions(self.study.runs[ladder.runs[0]], split=ladder.split)
        ]

    def grid(self, family: str, axis: str) -> list[Ladder]:
        """The ladders of one family and axis in the shown metrics."""
        return [
            ladder
            for metric in self.shown_metrics
            for ladder in self.ladders
            if (ladder.family, ladder.axis, ladder.metric) == (family, axis, metric)
        ]

    def ladder_runs(self, ladder: Ladder, *, x: float) -> list[StudyRun]:
        """The runs of one level of a ladder."""
        return [
            self.study.runs[run] for run, at in zip(ladder.runs, ladder.x, strict=True) if at == x
        ]

    def best_run(self) -> StudyRun | None:
        """The run with the least error on the first leading ladder. Without a ladder, the run with
        the most parameters."""
        if not self.leading:
            return max(self.study.runs.values(), key=lambda run: run.parameters, default=None)
        return self.best_of(self.leading[0])

    def best_of(self, ladder: Ladder) -> StudyRun:
        """The run with the least error at the last level of a ladder."""
        last = np.where(ladder.x == ladder.x.max(), ladder.y, np.inf)
        return self.study.runs[ladder.runs[int(np.argmin(last))]]

    def law_runs(self) -> list[tuple[str, StudyRun]]:
        """Runs in no ladder and no demonstration: other physical laws, one run each."""
        climbing = {ladder.family for ladder in self.ladders}
        elsewhere = climbing | set(self.study.demonstrations)
        groups = dict.fromkeys(run.group for run in self.study.runs.values())
        alone = [group for group in groups if group not in elsewhere]
        found = [(group, self.study.in_group(group)) for group in alone]
        return [
            (group, runs[0])
            for group, runs in found
            if len(runs) == 1 and len(self.study.splits(runs[0])) > 1
        ]


def find_out(study: Study) -> Findings:
    """Fits every ladder and chooses the leading ones."""
    found = ladders(study)
    return Findings(study, found, _leading(study, found))


def _leading(study: Study, found: Sequence[Ladder]) -> list[Ladder]:
    """One ladder per kind. In and out of distribution come from one family, so that they can be
    compared."""
    kinds_of: dict[str, set[str]] = {}
    for ladder in found:
        kinds_of.setdefault(ladder.family, set()).add(ladder.kind)
    chosen = []
    for kind in KINDS:
        pool = [ladder for ladder in found if ladder.kind == kind]
        if kind != "combinatorial":
            pool = [ladder for ladder in pool if "ood" in kinds_of[ladder.family]] or pool
        pool.sort(
            key=lambda ladder: (
                LEADING_AXES.index(ladder.axis)
                if ladder.kind != "combinatorial"
                else -LEADING_AXES.index(ladder.axis)
            )
        )
        for metric in leading_metrics(study, kind=kind):
            same = [ladder for ladder in pool if ladder.metric == metric]
            if same:
                chosen.append(same[0])
                break
    return chosen


def leading_metrics(study: Study, *, kind: str) -> list[Metric]:
    """The shown metrics; those that lead for this kind of test split come first."""
    shown = shown_in("report", table=study.metrics)
    return sorted(shown, key=lambda metric: kind not in metric.leads)


def error_ratio(findings: Findings, *, over: Ladder, under: Ladder) -> Interval | None:
    """Error on one split divided by error on another, at the last level, all seeds pooled. None
    without outcomes on these splits."""
    runs = findings.ladder_runs(under, x=float(under.x.max()))
    parts = {}
    for ladder in (over, under):
        values = []
        for run in runs:
            found = findings.study.outcome_columns(run.fingerprint)
            error = np.asarray(found["velocity_error_m_s"], dtype=float)
            values.append(error[(found["split"] == ladder.split) & np.isfinite(error)])
        parts[ladder.split] = np.concatenate(values) if values else np.empty(0)
    if min(len(part) for part in parts.values()) < 2:
        return None
    return ratio_of_means(parts[over.split], under=parts[under.split])


def between_directions(run: StudyRun, *, split: str) -> bool:
    """Whether a split of slower balls lies inside the trained velocities: with both directions
    trained, -v .. v contains it."""
    trained, tested = run.trained_speeds, run.tested_speeds(split)
    if run.scenario.get("direction") != "both" or not trained or not tested:
        return False
    return max(high for _, high in tested) <= min(low for low, _ in trained)
