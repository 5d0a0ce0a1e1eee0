"""The sections of a report in reading order. A section without its runs is left out."""

from analysis.figures.drawing import Drawing
from analysis.report import words
from analysis.report.clips import clips_of
from analysis.report.demonstrations.demonstration import shown_demonstrations
from analysis.report.drawings import drawings, ladder_names
from analysis.report.findings import Findings
from analysis.report.section import Section
from analysis.report.tables import (
    Grid,
    baseline_rows,
    costs,
    environment,
    metric_rows,
    run_rows,
    verdict_rows,
)
from analysis.report.videos import extremes, numbers

_LADDER_TITLES = {"N": "Model size", "D": "Amount of data", "C": "Coverage of combinations"}
_READING = (
    "Each point is one run (one seed). Thin bars are 95 % bootstrap intervals over the test videos "
    "of that run. Lines are power laws above the floor with a 95 % bootstrap band. Where the data "
    "support no law, there is no line: dashes only join the means.",
    "A verdict comes from a trend test on log error over configuration means, corrected "
    "by Holm over the splits and axes of one metric. “Flat” means that an equivalence test passed "
    "within a margin that was set beforehand. “Undetermined” means that neither was shown. The "
    "interval of a change is that of the single test; it is not widened for the family.",
    "Exponents have profile-likelihood intervals. An end that the data do not bound is printed as "
    "open. “Poor fit” and “lack of fit” give the p value of an F test. Below 0.05, the means of "
    "the levels miss the power law by more than the seeds scatter, and the exponent describes only "
    "the trend.",
    "The codec floor is the error of the true video after encoding and decoding: no model with "
    "this codec can be better. “3-frame extrapolation” applies the law to the frames that the "
    "model is given. “Clamp to trained speeds” knows the law but stays in the trained range.",
)


def sections(findings: Findings) -> list[Section]:
    """Everything below the headline and the main figure."""
    drawn = {drawing.name: drawing for drawing in drawings(findings)}
    found = [
        *_ladder_sections(findings, drawn),
        _baselines(findings),
        _metrics(findings),
        *shown_demonstrations(findings.study),
        _laws(findings, drawn),
        _videos(findings, drawn),
        Section("verdicts", "Every verdict", grids=(verdict_rows(findings.ladders),)),
        Section("runs", "Runs", grids=(run_rows(findings),)),
        Section("cost", "What it cost", grids=_filled(costs(findings.study))),
        Section("environment", "Environment", grids=_filled(environment(findings.study))),
        Section("reading", "How to read this", _READING),
    ]
    return [
        section
        for section in found
        if section is not None
        and (section.paragraphs or section.drawings or section.clips or section.grids)
    ]


def _filled(grid: Grid) -> tuple[Grid, ...]:
    """The table, unless it has no rows."""
    return (grid,) if grid.rows else ()


def main_drawing(findings: Findings) -> Drawing | None:
    """The figure at the top."""
    return next((drawing for drawing in drawings(findings) if drawing.name == "main"), None)


def _ladder_sections(findings: Findings, drawn: dict[str, Drawing]) -> list[Section]:
    found = []
    note = words.interpolation_sentence(findings)
    for (family, axis), name in ladder_names(findings).items():
        grid, drawing = findings.grid(family, axis), drawn[name]
        paragraphs = [words.ladder_sentence(grid[0])]
        if note and any(ladder.kind == "ood" for ladder in grid):
            paragraphs, note = [*paragraphs, note], None
        clips = []
        if _is_last(findings, family, axis):
            best = findings.best_of(grid[0])
            clips = clips_of(best, label=findings.study.label(best))
        found.append(Section(drawing.name, _LADDER_TITLES[axis], paragraphs, (drawing,), clips))
    return found


def _is_last(findings: Findings, family: str, axis: str) -> bool:
    """Whether this is the last ladder of its family, the one that shows the clips."""
    return axis == [ladder.axis for ladder in findings.ladders if ladder.family == family][-1]


def _baselines(findings: Findings) -> Section | None:
    run = findings.best_run()
    if run is None:
        return None
    grid = baseline_rows(findings.study, run)
    text = (
        f"The best run in distribution is {findings.study.label(run)}. The table compares its "
        "errors with the floors of tracker and codec and with baselines on the same videos. "
        "Brackets are 95 % bootstrap intervals over videos."
    )
    return (
        Section("baselines", "Floors and baselines", (text,), grids=(grid,)) if grid.rows else None
    )


def _metrics(findings: Findings) -> Section | None:
    run = findings.best_run()
    if run is None:
        return None
    text = (
        f"Every metric of {findings.study.label(run)}, the best run in distribution; brackets are "
        "95 % bootstrap intervals over videos."
    )
    grid = metric_rows(findings.study, run)
    return Section("metrics", "Every metric", (text,), grids=(grid,))


def _laws(findings: Findings, drawn: dict[str, Drawing]) -> Section | None:
    shown = [drawing for name, drawing in drawn.items() if name.startswith("laws")]
    if not shown:
        return None
    clips = [clip for group, run in findings.law_runs() for clip in clips_of(run, label=group)]
    text = (
        "One run per law. Bars and dots show the model with its 95 % bootstrap interval over "
        "videos. Grey marks show baselines and the codec floor. An error is measured only where a "
        "ball is found, so the share of frames without one is given as well."
    )
    return Section("laws", "Other laws", (text,), shown, clips)


def _videos(findings: Findings, drawn: dict[str, Drawing]) -> Section | None:
    grid = numbers(findings.study)
    if grid is None:
        return None
    paragraphs = (
        "These runs were scored frame by frame (physscale evaluate). A video is abnormal if it "
        "breaks a rule that no true video breaks: something vanishes, splits, changes shape, size "
        "or colour, or moves as no force would move it. Ticks show the true frames under the same "
        "detector: its false alarms. Crosses show the true frames after the codec: the best that a "
        "model can reach. Abnormal is not the same as wrong: a ball may move smoothly at a wrong "
        "speed.",
        "SSIM and PSNR compare the generated frames with the true ones; the given frames do not "
        "count. ST-LPIPS is given only where frames are large enough for its network. The state "
        "Fréchet distance compares positions and speeds over the whole set; it is not FVD.",
    )
    shown = (drawn["abnormal"],) if "abnormal" in drawn else ()
    return Section(
        "videos",
        "Generated videos: similarity and abnormality",
        paragraphs,
        shown,
        extremes(findings.study),
        (grid,),
    )
