"""`python -m analysis plot`: every figure that a fit of anyone's table has, as PNG with its CSV, and all of them as one PDF."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.options import law_of, number_options, runs_of, table_options
from physscale.records.errors import UserError

if TYPE_CHECKING:
    from analysis.figures.drawing import Drawing
    from analysis.splits import SplitFit

LEAST_DRAWS = 200
"""Bands of fewer draws are too rough to show."""


def add_plot(commands: Any) -> None:  # noqa: ANN401 - argparse keeps this class to itself
    """Adds the parser."""
    plot = commands.add_parser("plot", help="every figure of a fit as PNG with its CSV, and as one PDF")
    table_options(plot)
    plot.add_argument("--law", help="a name of `python -m analysis laws` (default: a power law in the given axes)")
    plot.add_argument("--floor", type=float, help="fix the constant E")
    number_options(plot)
    plot.add_argument("--out", type=Path, required=True, help="folder to write to")
    plot.set_defaults(run=_plot)


def _plot(chosen: argparse.Namespace) -> int:
    from analysis.figures.style import pdf
    from analysis.report.page import write_figures
    from analysis.splits import fit_splits

    law = law_of(chosen)
    parts = fit_splits(
        law,
        runs=runs_of(chosen, law),
        delta=chosen.delta,
        floor=chosen.floor,
        bootstrap=max(chosen.bootstrap, LEAST_DRAWS),
        seed=chosen.seed,
    )
    drawn = [drawing for place, part in enumerate(parts) for drawing in split_drawings(part, prefix=f"{place}_" if part.name else "")]
    drawn += drawings_across(parts)
    try:
        written = write_figures(drawn, folder=chosen.out, names={})
        (chosen.out / "figures.pdf").write_bytes(pdf(drawing.figure() for drawing in drawn))
    except OSError as error:
        raise UserError(f"--out {chosen.out}: cannot write there ({error.strerror})") from error
    for path in [*written, chosen.out / "figures.pdf"]:
        print(path)
    return 0


def split_drawings(part: "SplitFit", *, prefix: str = "") -> "list[Drawing]":
    """Every figure that the fit of a split can have."""
    import numpy as np

    from analysis.figures import fitted_curves, held_out, pairs, profiles, ratio, residuals, sensitivity, surface
    from analysis.figures.drawing import Drawing
    from analysis.frontier import cost_of

    fitted, runs = part.fit, part.runs
    found = []
    if fitted.law.response == "ratio":
        count = runs.count if runs.count is not None else np.ones(len(runs.response))
        found.append(
            Drawing("ratio", ratio.table(fitted, x=runs.axes["x"], share=runs.response, count=count), ratio.draw, "share with its law")
        )
    else:
        for axis in fitted.law.axes:
            found.append(Drawing(f"curves_{axis}", fitted_curves.table(fitted, axis=axis), fitted_curves.draw, f"response against {axis}"))
        found.append(Drawing("residuals", residuals.table(fitted), residuals.draw, "residuals"))
        if (cases := sensitivity.table(fitted)).num_rows:
            found.append(Drawing("sensitivity", cases, sensitivity.draw, "parameters under other choices"))
        if part.hold_outs:
            found.append(Drawing("hold_out", held_out.table(part.hold_outs), held_out.draw, "errors on held-out levels"))
    if fitted.law.name in {"power-nd", "power-nd-tied"}:
        cost = cost_of(runs.axes["N"], runs.axes["D"], runs.flops)
        found.append(Drawing("surface", surface.table(fitted, cost=cost), surface.draw, "surface, frontier and isoFLOP curves"))
    if fitted.profiles:
        found.append(Drawing("profiles", profiles.table(fitted), profiles.draw, "profile likelihoods"))
    if (columns := pairs.table(fitted)).num_columns:
        found.append(Drawing("pairs", columns, pairs.draw, "bootstrap draws"))
    return [Drawing(f"{prefix}{drawing.name}", drawing.table, drawing.draw, drawing.words) for drawing in found]


def drawings_across(parts: "list[SplitFit]") -> "list[Drawing]":
    """Figures that compare splits."""
    from analysis.figures import forest
    from analysis.figures.drawing import Drawing

    table = forest.table({part.name: part.fit for part in parts})
    return [Drawing("forest", table, forest.draw, "exponents across splits")] if len(parts) > 1 and table.num_rows else []
