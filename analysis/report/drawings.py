"""Every figure of a report, in reading order. A figure whose group is absent is left out."""

from analysis.data.study import Study
from analysis.figures import ladder_grid, laws, three_panels
from analysis.figures.drawing import Drawing
from analysis.report.demonstrations.demonstration import shown_demonstrations
from analysis.report.findings import Findings
from analysis.report.videos import rates_drawing
from analysis.report.words import PLACES, grid_words

AXIS_NAMES = {"N": "size", "D": "data", "C": "coverage"}


def drawings(findings: Findings) -> list[Drawing]:
    """The figures by name. The main figure carries the study's name."""
    return [
        *_main(findings),
        *_ladders(findings),
        *(d for section in shown_demonstrations(findings.study) for d in section.drawings),
        *_laws(findings),
        *_abnormal(findings.study),
    ]


def _main(findings: Findings) -> list[Drawing]:
    if not findings.leading:
        return []
    table = three_panels.table(findings.leading, beside=findings.beside())
    verdicts = [f"{PLACES[ladder.kind]}: {ladder.verdict.word}" for ladder in findings.leading]
    words = f"Error in and out of distribution. {'; '.join(verdicts).capitalize()}"
    return [Drawing("main", table, three_panels.draw, words)]


def ladder_names(findings: Findings) -> dict[tuple[str, str], str]:
    """The name of the figure for each family and axis that has a shown metric."""
    found: dict[tuple[str, str], str] = {}
    for ladder in findings.ladders:
        place = (ladder.family, ladder.axis)
        if place not in found and findings.grid(*place):
            name = AXIS_NAMES[ladder.axis]
            found[place] = f"{name}_{ladder.family}" if name in found.values() else name
    return found


def _ladders(findings: Findings) -> list[Drawing]:
    found = []
    for place, name in ladder_names(findings).items():
        grid = findings.grid(*place)
        found.append(Drawing(name, ladder_grid.table(grid), ladder_grid.draw, grid_words(grid)))
    return found


def _abnormal(study: Study) -> list[Drawing]:
    found = rates_drawing(study)
    return [found] if found else []


def _laws(findings: Findings) -> list[Drawing]:
    runs = findings.law_runs()
    found = []
    first = findings.shown_metrics[0]
    for metric in findings.shown_metrics:
        table = laws.table(findings.study, runs=runs, metric=metric.name) if runs else None
        if table is not None and table.num_rows:
            name = "laws" if metric == first else f"laws_{metric.name}"
            found.append(
                Drawing(
                    name,
                    table,
                    laws.draw,
                    f"{metric.words[:1].upper()}{metric.words[1:]} by split and law",
                )
            )
    return found
