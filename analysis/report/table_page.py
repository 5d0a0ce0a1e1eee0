"""The report of anyone's table of runs: a law a split, its verdicts, evidence and figures, in the same page as a study's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.figures.drawing import Drawing
from analysis.figures.marks import probability
from analysis.report.page import render
from analysis.report.sections import Section
from analysis.report.tables import Cell, Grid
from analysis.verdict.verdict import Verdict

_READING = (
    "Points are configuration means over repeats. Parameters: bootstrap over configurations (standard error, percentile interval) and "
    "profile likelihood; an end that the data do not close is open, and no number is printed for it.",
    "Verdicts: one-sided trend test on log response with the other axes held, Holm over splits and axes; “flat” needs an equivalence test "
    "inside a margin set beforehand. Skill compares with carrying the nearest kept configuration forward: below 0 the law predicts worse.",
)


@dataclass(frozen=True)
class Part:
    """One split: the fit as its JSON object, verdicts and figures."""

    name: str
    found: Mapping[str, Any]
    verdicts: Sequence[Verdict]
    drawings: Sequence[Drawing]


def table_page(parts: Sequence[Part], *, title: str, response: str, across: Sequence[Drawing] = ()) -> str:
    """The whole report as HTML."""
    headline = [("", verdict.word, _sentence(part.name, verdict, response)) for part in parts for verdict in part.verdicts]
    law, main = parts[0].found, next(iter(parts[0].drawings), None)
    sections = [section for place, part in enumerate(parts) for section in _sections(part, prefix=f"{place}-", but=main)]
    if across:
        sections.insert(0, Section("across", "Across splits", (), across))
    sections.append(Section("reading", "How to read this", _READING))
    return render(
        title=title,
        question=f"{response}: {law['formula']}",
        headline=headline,
        remarks=[f"Warning: {text}." for part in parts for text in part.found["warnings"]],
        main=main,
        sections=sections,
    )


def _sentence(split: str, verdict: Verdict, response: str) -> str:
    where = f"{split}: " if split else ""
    if verdict.change is None or verdict.low is None or verdict.high is None:
        return f"{where}{response} along {verdict.axis}: {verdict.reason}."
    if verdict.word in {"scales", "worsens"} and verdict.p_falls_holm is not None:
        ends = sorted(abs(np.expm1(value)) for value in (verdict.low, verdict.high))
        size = f"{abs(np.expm1(verdict.change)):.0%} [{ends[0]:.0%}, {ends[1]:.0%}]"
        what = f"{where}{response} {'falls' if verdict.change < 0 else 'rises'} by {size}"
        return f"{what} over the observed range of {verdict.axis} (p {probability(verdict.p_falls_holm)} after Holm)."
    change, low, high = (f"{np.expm1(value):+.0%}" for value in (verdict.change, verdict.low, verdict.high))
    return f"{where}{response} changes by {change} [{low}, {high}] over the observed range of {verdict.axis}; {verdict.reason}."


def _sections(part: Part, *, prefix: str, but: Drawing | None) -> list[Section]:
    name = f": {part.name}" if part.name else ""
    found = part.found
    evidence = found["convergence"]
    words = (
        f"{found['configurations']:,} configurations of {found['runs']:,} runs; objective {found['objective']:.10g}, Huber delta "
        f"{found['delta']}. {evidence['share_at_optimum']:.0%} of {evidence['starts']} starts reached the optimum, relative gradient "
        f"{evidence['gradient']:.1g}, condition {evidence['condition']:.2g}."
    )
    grids = [_parameters(found, prefix), *([_hold_out(found, prefix)] if found["hold_out"] else [])]
    shown = [drawing for drawing in part.drawings if drawing is not but]
    laws = [drawing for drawing in shown if any(word in drawing.name for word in ("curves", "surface", "ratio"))]
    checks = [drawing for drawing in shown if all(drawing is not other for other in laws)]
    return [
        Section(f"{prefix}law", f"Law{name}", (words,), laws, (), grids),
        Section(f"{prefix}checks", f"Checks{name}", (), checks),
    ]


def _parameters(found: Mapping[str, Any], prefix: str) -> Grid:
    rows = []
    for name, row in [*found["parameters"].items(), *found["derived"].items()]:
        curve = row.get("profile")
        rows.append(
            (
                Cell(name),
                Cell(_n(row["estimate"]), row["estimate"]),
                Cell(_n(row["se"])),
                Cell(_ends(row["low"], row["high"])),
                Cell("–" if curve is None else _ends(curve["low"], curve["high"])),
            )
        )
    return Grid(f"{prefix}parameters", ("parameter", "estimate", "standard error", "95 % bootstrap", "95 % profile"), rows)


def _hold_out(found: Mapping[str, Any], prefix: str) -> Grid:
    heads = ("held out beyond", "configurations", "log-ranges away", "RMSLE", "bias", "coverage of 95 %", "skill")
    rows = [
        (
            Cell(row["axis"]),
            Cell(str(row["held"]), row["held"]),
            Cell(f"{row['distance']:.2f}", row["distance"]),
            Cell(f"{row['rmsle']:.4f}", row["rmsle"]),
            Cell(f"{row['bias']:+.4f}", row["bias"]),
            Cell(f"{row['coverage']:.0%}", row["coverage"]),
            Cell(_n(row["skill"]), row["skill"]),
        )
        for row in found["hold_out"]
    ]
    return Grid(f"{prefix}hold_out", heads, rows)


def _ends(low: float | None, high: float | None) -> str:
    return f"[{'open' if low is None else _n(low)}, {'open' if high is None else _n(high)}]"


def _n(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
