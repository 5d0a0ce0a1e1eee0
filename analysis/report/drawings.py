"""Every figure of a report, in its order. A figure whose group is absent is absent."""

from analysis.data.study import Run, Study
from analysis.figures import flip, gap, ladder_grid, laws, three_panels, workers
from analysis.figures.drawing import Drawing
from analysis.report.findings import SHOWN_METRICS, Findings
from analysis.report.videos import rates_drawing
from analysis.report.words import grid_words

AXIS_NAMES = {"N": "size", "D": "data", "C": "coverage"}


def drawings(findings: Findings) -> list[Drawing]:
    """The main figure carries the study's name."""
    return [
        *_main(findings),
        *_ladders(findings),
        *_demonstrations(findings.study),
        *_laws(findings),
        *_abnormal(findings.study),
        *_workers(findings.study),
    ]


def _main(findings: Findings) -> list[Drawing]:
    if not findings.leading:
        return []
    table = three_panels.table(findings.leading, beside=findings.beside())
    verdicts = "; ".join(f"{ladder.kind}: {ladder.verdict.word}" for ladder in findings.leading)
    return [
        Drawing("main", table, three_panels.draw, f"Error in and out of distribution. {verdicts}")
    ]


def _ladders(findings: Findings) -> list[Drawing]:
    found = []
    named: set[str] = set()
    for family, axis in dict.fromkeys((ladder.family, ladder.axis) for ladder in findings.ladders):
        grid = findings.grid(family, axis)
        if grid:
            name = (
                AXIS_NAMES[axis]
                if AXIS_NAMES[axis] not in named
                else f"{AXIS_NAMES[axis]}_{family}"
            )
            named.add(name)
            found.append(Drawing(name, ladder_grid.table(grid), ladder_grid.draw, grid_words(grid)))
    return found


def _demonstrations(study: Study) -> list[Drawing]:
    found = []
    if runs := study.in_group("gap"):
        words = "Generated against true speed, with a band of speeds left out of training"
        found.append(Drawing("gap", gap.table(study, runs=runs), gap.draw, words))
    if flips := flip_runs(study):
        words = "Share of balls that move the other way, by true speed"
        found.append(Drawing("flip", flip.table(study, runs=flips), flip.draw, words))
    return found


def flip_runs(study: Study) -> dict[str, Run]:
    """One run with both directions trained and one with one."""
    named = {"trained in both directions": "flip", "trained in one direction": "noflip"}
    return {words: runs[0] for words, group in named.items() if (runs := study.in_group(group))}


def _abnormal(study: Study) -> list[Drawing]:
    found = rates_drawing(study)
    return [found] if found else []


def _laws(findings: Findings) -> list[Drawing]:
    runs = findings.law_runs()
    found = []
    for metric in SHOWN_METRICS:
        table = laws.table(findings.study, runs=runs, metric=metric) if runs else None
        if table is not None and table.num_rows:
            name = "laws" if metric == SHOWN_METRICS[0] else f"laws_{metric}"
            found.append(Drawing(name, table, laws.draw, f"{metric} by split and law"))
    return found


def _workers(study: Study) -> list[Drawing]:
    runs = sorted(study.in_group("workers"), key=lambda run: run.workers)
    if len({run.workers for run in runs}) < 2 or not all(run.metrics() for run in runs):
        return []
    words = "Training loss of one run on one worker and on several"
    return [Drawing("workers", workers.table(runs), workers.draw, words)]
