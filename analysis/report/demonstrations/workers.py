"""One worker against several: runs that differ in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.data.study import Study, StudyRun
from analysis.figures import workers
from analysis.figures.drawing import Drawing
from analysis.report.section import Section


@dataclass(frozen=True)
class Workers:
    """How far do the trainings of one run differ between one worker and several?"""

    name: str = "workers"

    def objection(self, study: Study, runs: Sequence[StudyRun]) -> str | None:
        """The runs need different numbers of workers, one description, and a training history
        each."""
        if len({run.workers for run in runs}) < 2:
            return "its runs do not differ in the number of workers"
        if any(_description(run) != _description(runs[0]) for run in runs):
            return "its runs differ in more than the number of workers"
        if not all(run.metrics() for run in runs):
            return "a training history is missing"
        return None

    def section(self, study: Study, runs: Sequence[StudyRun]) -> Section:
        """The training losses and their difference."""
        ordered = sorted(runs, key=lambda run: run.workers)
        words = "Training loss of one run on one worker and on several"
        drawing = Drawing("workers", workers.table(ordered), workers.draw, words)
        step, first, largest = workers.differences(drawing.table)
        return Section(
            "workers",
            "One worker and two",
            (
                f"Relative difference of the training loss: {first:.1g} at step {step}, at most "
                f"{largest:.2g}. Every random number is a function of seed and step. Only the "
                "order of floating-point sums differs, and training amplifies it at every step.",
                _losses(study, ordered),
            ),
            (drawing,),
        )


def _description(run: StudyRun) -> dict[str, object]:
    return {key: value for key, value in run.description.items() if key != "workers"}


def _losses(study: Study, runs: Sequence[StudyRun]) -> str:
    """The last held-out loss of each run; empty where it was not scored."""
    ends = []
    for run in runs:
        split = next(iter(study.splits(run)))
        found = study.score(run, split=split, metric="loss")
        if found is not None and found["low"] is not None:
            interval = f"[{found['low']:.4f}, {found['high']:.4f}]"
            ends.append(f"{found['value']:.4f} {interval} with {run.workers}")
    if not ends:
        return ""
    return (
        f"Held-out loss in distribution at the end: {', '.join(ends)} (95 % bootstrap over videos)."
    )
