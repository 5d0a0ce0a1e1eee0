"""Every figure for a fit of any table of runs."""

from collections.abc import Mapping

import numpy as np

from analysis.design.frontier import cost_of
from analysis.figures import (
    contours,
    contrasts,
    fitted_curves,
    forest,
    held_out,
    iso_flops,
    pairs,
    profiles,
    ratio,
    reducible,
    residuals,
    sensitivity,
    split_panels,
)
from analysis.figures.drawing import Drawing
from analysis.fit.contrast import Contrast
from analysis.fit.fit import fit
from analysis.fit.paired import change_contrasts, fit_contrasts
from analysis.fit.splits import SplitFit
from analysis.laws.registry import LAWS

LEAST_DRAWS = 200
"""Bands of fewer draws are too rough to show."""


def split_drawings(part: SplitFit, *, response: str, prefix: str = "") -> list[Drawing]:
    """Every figure that the fit of a split can have."""
    found = (
        _shares(part, response)
        if part.fit.law.response == "ratio"
        else [*_curves(part, response), *_surfaces(part, response)]
    )
    found += _evidence(part)
    return [
        Drawing(f"{prefix}{drawing.name}", drawing.table, drawing.draw, drawing.words)
        for drawing in found
        if drawing.table.num_rows
    ]


def _curves(part: SplitFit, response: str) -> list[Drawing]:
    if not part.fit.law.axes:
        return []
    axes = " and ".join(part.fit.law.axes)
    table, words = fitted_curves.table(part.fit, response=response), part.fit.law.formula
    found = [Drawing("curves", table, fitted_curves.draw, f"{response} along {axes}, {words}")]
    if part.scales:
        table = reducible.table(part.fit, response=response)
        words = f"{response} above its floor along {axes}: partial residuals and the law's term"
        found.append(Drawing("reducible", table, reducible.draw, words))
    return found


def _surfaces(part: SplitFit, response: str) -> list[Drawing]:
    if part.fit.law.surface is None or not part.scales:
        return []
    cost = cost_of(part.runs.axes["N"], part.runs.axes["D"], part.runs.flops)
    surface = contours.table(part.fit, cost=cost, response=response)
    equal = iso_flops.table(part.fit, cost=cost, response=response)
    return [
        Drawing("contours", surface, contours.draw, f"{response} over N and D, frontier"),
        Drawing("iso_flops", equal, iso_flops.draw, f"{response} at equal compute"),
    ]


def _shares(part: SplitFit, response: str) -> list[Drawing]:
    """The law asked for, and the first other law of a ratio along the same axis."""
    runs, law = part.runs, part.fit.law
    fits = {law.name: part.fit}
    others = [
        other
        for other in LAWS.entries().values()
        if other.response == "ratio" and other.axes == law.axes and other.name != law.name
    ]
    for other in others[:1]:
        fits[other.name] = fit(
            other,
            columns=runs.axes,
            response=runs.response,
            count=runs.count,
            bootstrap=LEAST_DRAWS,
            with_profile=False,
        )
    (axis,) = law.axes
    count = runs.count if runs.count is not None else np.ones(len(runs.response))
    table = ratio.table(
        fits, x=runs.axes[axis], share=runs.response, count=count, response=response
    )
    words = f"{response}: shares with Wilson intervals, {' and '.join(fits)}"
    return [Drawing("ratio", table, ratio.draw, words)]


def _evidence(part: SplitFit) -> list[Drawing]:
    fitted = part.fit
    ends = "; ".join(
        f"{name} {_end(curve.low)} to {_end(curve.high)}" for name, curve in fitted.profiles.items()
    )
    words = f"Profile likelihoods, 95 %: {ends}"
    found = [Drawing("profiles", profiles.table(fitted), profiles.draw, words)]
    words = "Bootstrap draws of the parameters, pair by pair"
    found.append(Drawing("pairs", pairs.table(fitted), pairs.draw, words))
    return found if fitted.law.response == "ratio" else [*_misfits(part), *found]


def _misfits(part: SplitFit) -> list[Drawing]:
    """The figures that may speak against a law of a positive response."""
    fitted = part.fit
    skills = ", ".join(
        f"{row.axis} {row.dropped} out: skill {row.skill:.2f}" for row in part.hold_outs
    )
    left = f"Residuals, {len(fitted.residuals)} configurations"
    choices = "Parameters under other deltas and without the worst runs"
    ahead = f"Predictions of held-out levels. {skills}"
    return [
        Drawing("residuals", residuals.table(fitted), residuals.draw, left),
        Drawing("sensitivity", sensitivity.table(fitted), sensitivity.draw, choices),
        Drawing("hold_out", held_out.table(part.hold_outs), held_out.draw, ahead),
    ]


def _end(value: float | None) -> str:
    return "open" if value is None else f"{value:.3g}"


def drawings_across(
    parts: list[SplitFit], *, response: str, names: Mapping[str, str]
) -> list[Drawing]:
    """The main figure first, then the figures that compare splits. `names` are the columns behind
    the axes."""
    verdicts = "; ".join(
        f"{part.name} {verdict.axis}: {verdict.word}" for part in parts for verdict in part.verdicts
    )
    main = split_panels.table(parts, response=response, names=names)
    found = [Drawing("main", main, split_panels.draw, f"{response}. {verdicts}")]
    if 1 < len(parts) <= split_panels.MOST_SPLITS:
        exponents = forest.table({part.name: part.fit for part in parts}, shown=_exponents(parts))
        words = "Exponents of splits that scale, 95 %"
        found.append(Drawing("forest", exponents, forest.draw, words))
        paired = contrasts_of(parts)
        words = f"Paired differences between splits: {'; '.join(one.statement for one in paired)}"
        found.append(Drawing("contrasts", contrasts.table(paired), contrasts.draw, words))
    return [drawing for drawing in found if drawing.table.num_rows]


def contrasts_of(parts: list[SplitFit]) -> list[Contrast]:
    """The differences between splits: without a law, the change along every axis and the errors at
    the last level; where both splits scale, the exponents."""
    if len(parts) < 2 or not parts[0].verdicts:
        return []
    shown = _exponents(parts)
    runs = {part.name: part.runs for part in parts}
    free = [
        contrast
        for verdict in parts[0].verdicts
        for contrast in change_contrasts(runs, axis=verdict.axis)
    ]
    fitted = fit_contrasts({part.name: part.fit for part in parts})
    return free + [
        c
        for c in fitted
        if c.kind == "difference" and c.quantity in shown[c.first] & shown[c.second]
    ]


def _exponents(parts: list[SplitFit]) -> dict[str, set[str]]:
    """Per split, the exponents along the axes where it scales."""
    found: dict[str, set[str]] = {}
    for part in parts:
        scaling = [verdict.axis for verdict in part.verdicts if verdict.falls]
        names = [part.fit.law.exponent_of(axis) for axis in scaling]
        found[part.name] = {name for name in names if name is not None}
    return found
