"""The report on any table of runs: one law per split, with verdicts, evidence and figures, on the
same page as a study's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.figures.drawing import Drawing
from analysis.figures.marks import probability
from analysis.figures.style import KIND_COLOURS
from analysis.fit.contrast import Contrast
from analysis.fit.splits import SplitFit
from analysis.report.page import render
from analysis.report.section import Section
from analysis.report.table_grids import (
    frontier_grid,
    hold_out_grid,
    parameter_grid,
    sensitivity_grid,
    verdict_grid,
)
from analysis.verdict.verdict import Verdict

_READING = (
    "Points are runs; the law is fitted to configuration means over repeats. Each parameter has a "
    "bootstrap over configurations (standard error, percentile interval) and a profile likelihood. "
    "An end that the data do not bound is open, and no number is printed for it.",
    "A verdict comes from a trend test on log response with the other axes held fixed, "
    "corrected by Holm over splits and axes. “Flat” means that an equivalence test passed within a "
    "margin that was set beforehand. “Undetermined” means that neither was shown: no law is drawn "
    "and no exponent is compared.",
    "Differences between splits are paired: every draw takes the same configurations in every "
    "split.",
    "Skill compares the law with carrying the nearest kept configuration forward. Below 0, the law "
    "predicts worse than that.",
)
_LAWS = ("curves", "reducible", "contours", "iso_flops", "ratio")


@dataclass(frozen=True)
class Part:
    """One split: what was fitted, the same as a JSON object, and its figures."""

    split: SplitFit
    found: Mapping[str, Any]
    drawings: Sequence[Drawing]


def table_page(
    parts: Sequence[Part],
    *,
    title: str,
    response: str,
    across: Sequence[Drawing] = (),
    contrasts: Sequence[Contrast] = (),
    choice: str | None = None,
) -> str:
    """The whole report as HTML: first the answer, then what supports it. `choice` says why this law
    was taken, where nobody named one."""
    headline = [
        (_kind(part.split.name), verdict.word, _sentence(part.split.name, verdict, response))
        for part in parts
        for verdict in part.split.verdicts
    ]
    main = next(iter([*across, *parts[0].drawings]), None)
    compared = [drawing for drawing in across if drawing is not main]
    sections = (
        [
            Section(
                "splits", "Between splits", [f"{found.statement}." for found in contrasts], compared
            )
        ]
        if compared or contrasts
        else []
    )
    verdicts = verdict_grid([part.split for part in parts])
    sections += (
        [Section("verdicts", "Every verdict", (), (), (), (verdicts,))] if verdicts.rows else []
    )
    for place, part in enumerate(parts):
        sections += _sections(part, prefix=f"{place}-", but=main, choice=choice)
    warnings = _warnings(parts)
    sections += [Section("warnings", "Warnings", warnings)] if warnings else []
    sections.append(Section("reading", "How to read this", _READING))
    return render(
        title=title,
        question=f"Does {response} scale?"
        if headline
        else f"{response} by {parts[0].found['formula']}",
        headline=headline,
        remarks=_remarks(parts, contrasts, warnings),
        main=main,
        sections=sections,
    )


def _warnings(parts: Sequence[Part]) -> list[str]:
    """Each warning once: with its split, unless it is one of all splits."""
    found = []
    for part in parts:
        for text in part.found["warnings"]:
            everywhere = all(text in other.found["warnings"] for other in parts)
            where = f"{part.split.name}: " if part.split.name and not everywhere else ""
            found.append(f"{where}{text}.")
    return list(dict.fromkeys(found))


def _kind(split: str) -> str:
    """The kind that colours a headline, from the split's name; empty for a name that is no kind."""
    return split.lower() if split.lower() in KIND_COLOURS else ""


def _remarks(
    parts: Sequence[Part], contrasts: Sequence[Contrast], warnings: Sequence[str]
) -> list[str]:
    """The lines under the headline: how the other splits differ from the first along its leading
    axis, and whether there are warnings."""
    first = parts[0].split
    shown_contrasts = []
    if first.verdicts:
        lead = max(first.verdicts, key=lambda verdict: abs(verdict.change or 0.0)).axis
        shown_contrasts = [
            found
            for found in contrasts
            if found.kind == "ratio" and found.first == first.name and found.axis == lead
        ]
    count = len(warnings)
    note = f"{count} warning{'s' if count > 1 else ''}: read them before you use a number."
    return [
        *(f"{found.statement[:1].upper()}{found.statement[1:]}." for found in shown_contrasts),
        *([note] if count else []),
    ]


def _sentence(split: str, verdict: Verdict, response: str) -> str:
    where = f"{split}: " if split else ""
    if verdict.change is None or verdict.low is None or verdict.high is None:
        return f"{where}{response} along {verdict.axis}: {verdict.reason}."
    if verdict.moves and verdict.p_change_holm is not None:
        ends = sorted(abs(np.expm1(value)) for value in (verdict.low, verdict.high))
        size = f"{abs(np.expm1(verdict.change)):.0%} [{ends[0]:.0%}, {ends[1]:.0%}]"
        what = f"{where}{response} {'falls' if verdict.change < 0 else 'rises'} by {size}"
        p = probability(verdict.p_change_holm)
        end = verdict.end if verdict.falls else ""
        return f"{what} over the observed range of {verdict.axis} (p {p} after Holm){end}."
    change, low, high = (
        f"{np.expm1(value):+.0%}" for value in (verdict.change, verdict.low, verdict.high)
    )
    what = f"{where}{response} changes by {change} [{low}, {high}]"
    return f"{what} over the observed range of {verdict.axis}; {verdict.reason}."


def _sections(part: Part, *, prefix: str, but: Drawing | None, choice: str | None) -> list[Section]:
    name = f": {part.split.name}" if part.split.name else ""
    found = part.found
    evidence, delta = found["convergence"], found["delta"]
    loss = (
        "binomial"
        if delta is None
        else f"Huber delta {delta if isinstance(delta, str) else f'{delta:.3g}'} in log units"
    )
    words = (
        f"{found['formula']}, fitted to {found['configurations']:,} configurations of "
        f"{found['runs']:,} runs; {loss}.",
        f"Objective {found['objective']:.10g}. {evidence['share_at_optimum']:.0%} of "
        f"{evidence['starts']} starts reached the optimum, "
        f"relative gradient {evidence['gradient']:.1g}, condition {evidence['condition']:.2g}.",
        *([choice] if choice else []),
    )
    shown = [drawing for drawing in part.drawings if drawing is not but]
    laws = [drawing for drawing in shown if drawing.name.endswith(_LAWS)]
    checks = [drawing for drawing in shown if all(drawing is not other for other in laws)]
    grids = [parameter_grid(found, prefix), frontier_grid(part.split, prefix)]
    tests = [hold_out_grid(found, prefix), sensitivity_grid(found, prefix)]
    return [
        Section(f"{prefix}law", f"Law{name}", words, laws, (), [grid for grid in grids if grid]),
        Section(
            f"{prefix}checks", f"Checks{name}", (), checks, (), [grid for grid in tests if grid]
        ),
    ]
