"""The sections of a report in reading order. A section without its runs is left out."""

from analysis.design.ladders import Ladder
from analysis.figures.drawing import Drawing
from analysis.report import words
from analysis.report.clips import clips_of
from analysis.report.demonstrations.demonstration import shown_demonstrations
from analysis.report.drawings import drawings
from analysis.report.findings import Findings
from analysis.report.section import Section
from analysis.report.tables import (
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
    "Points are single runs (seeds); thin bars are 95 % bootstrap intervals over the judged "
    "videos of a run. Lines are power laws above "
    "the floor with a 95 % bootstrap band. Where the data carry no law there is no line: dashes "
    "only join the means.",
    "Verdicts come from a one-sided trend test on log error over configuration means, corrected "
    "by Holm over the splits and axes of one "
    "metric; “flat” needs an equivalence test to pass inside a margin set beforehand; "
    "“undetermined” means neither was shown. "
    "Intervals of a change are those of the single test, not widened for the family.",
    "Exponents have profile-likelihood intervals; an end that the data do not close is printed as "
    "open. “Poor fit” and “lack of "
    "fit” give the p value of an F test: below 0.05 the means of the levels miss the power law by "
    "more than the seeds scatter, and the "
    "exponent describes only the trend.",
    "The codec floor is the error of the true video after encoding and decoding: no model on this "
    "codec gets below it. “3-frame "
    "extrapolation” is the law applied to the frames that the model is given. “Clamp to trained "
    "speeds” knows the law but not the range.",
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
        Section("verdicts", "Every verdict", (), (), (), (verdict_rows(findings.ladders),)),
        Section("runs", "Runs", (), (), (), (run_rows(findings),)),
        Section(
            "cost",
            "What it cost",
            (),
            (),
            (),
            tuple(grid for grid in (costs(findings.study),) if grid.rows),
        ),
        Section(
            "environment",
            "Environment",
            (),
            (),
            (),
            tuple(grid for grid in (environment(findings.study),) if grid.rows),
        ),
        Section("reading", "How to read this", _READING),
    ]
    return [
        section
        for section in found
        if section is not None
        and (section.paragraphs or section.drawings or section.clips or section.grids)
    ]


def main_drawing(findings: Findings) -> Drawing | None:
    """The figure at the top."""
    return next((drawing for drawing in drawings(findings) if drawing.name == "main"), None)


def _ladder_sections(findings: Findings, drawn: dict[str, Drawing]) -> list[Section]:
    found = []
    note = words.interpolation_sentence(findings)
    for family, axis in dict.fromkeys((ladder.family, ladder.axis) for ladder in findings.ladders):
        grid = findings.grid(family, axis)
        drawing = next(
            (d for name, d in drawn.items() if grid and d.words == words.grid_words(grid)), None
        )
        if drawing is None:
            continue
        paragraphs = [words.ladder_sentence(grid[0])]
        if note and any(ladder.kind == "ood" for ladder in grid):
            paragraphs, note = [*paragraphs, note], None
        best = findings.study.runs[
            min(
                zip(grid[0].x, grid[0].y, grid[0].runs, strict=True), key=lambda at: (-at[0], at[1])
            )[2]
        ]
        clips = (
            clips_of(best, label=findings.study.label(best))
            if _shows_clips(findings, grid[0], family, axis)
            else []
        )
        found.append(Section(drawing.name, _LADDER_TITLES[axis], paragraphs, (drawing,), clips))
    return found


def _shows_clips(findings: Findings, ladder: Ladder, family: str, axis: str) -> bool:
    """Once a family: beside its last ladder."""
    return axis == [other.axis for other in findings.ladders if other.family == family][
        -1
    ] and bool(ladder.runs)


def _baselines(findings: Findings) -> Section | None:
    run = findings.best_run()
    if run is None:
        return None
    grid = baseline_rows(findings.study, run)
    text = (
        f"Best run in distribution: {findings.study.label(run)}. Errors of the model beside the "
        "floors of parser and codec and beside "
        "baselines, on the same videos; brackets are 95 % bootstrap intervals over videos."
    )
    return (
        Section("baselines", "Floors and baselines", (text,), (), (), (grid,))
        if grid.rows
        else None
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
    return Section("metrics", "Every metric", (text,), (), (), (grid,))


def _laws(findings: Findings, drawn: dict[str, Drawing]) -> Section | None:
    shown = [drawing for name, drawing in drawn.items() if name.startswith("laws")]
    if not shown:
        return None
    clips = [clip for group, run in findings.law_runs() for clip in clips_of(run, label=group)]
    text = (
        "One run each. Bars and dots: the model with its 95 % bootstrap interval over videos; "
        "grey marks: baselines and codec floor. An "
        "error is measured only where a ball is found, so the share of frames without one stands "
        "beside it."
    )
    return Section("laws", "Other laws", (text,), shown, clips)


def _videos(findings: Findings, drawn: dict[str, Drawing]) -> Section | None:
    grid = numbers(findings.study)
    if grid is None:
        return None
    paragraphs = (
        "Runs given to “physscale evaluate”, their samples looked at as frames. A video is "
        "abnormal where it breaks a rule that no "
        "true video breaks: something vanishes, splits, changes shape, size or colour, or moves "
        "as no force would move it. Ticks are the "
        "true frames under the same judge, its false alarms; crosses are true frames after the "
        "codec, what a perfect model would get. "
        "Abnormal is not the same as wrong: a ball may go on smoothly at a wrong speed.",
        "SSIM and PSNR are of the frames after the given ones, against the true ones; ST-LPIPS "
        "stands only where frames are large enough "
        "for its network; the state Fréchet distance compares places and speeds of the whole set "
        "and is not FVD.",
    )
    shown = (drawn["abnormal"],) if "abnormal" in drawn else ()
    return Section(
        "videos", "Videos: alike, abnormal", paragraphs, shown, extremes(findings.study), (grid,)
    )
