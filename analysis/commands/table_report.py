"""`python -m analysis report FILE --response loss --axes N,D`: the same page for anyone's table of
runs."""

import argparse
from pathlib import Path

from analysis.commands.options import column_options, law_axes, law_of, number_options, runs_of
from physscale.records.errors import UserError


def add_table_report(parser: argparse.ArgumentParser) -> None:
    """Options of the table; a results folder needs none of them."""
    parser.add_argument("--response", help="column of the error or loss (for a table)")
    parser.add_argument(
        "--axes", help="columns in the law's order (N,D) or by name (N=params,D=tokens)"
    )
    parser.add_argument("--law", help="a name of `python -m analysis laws`")
    column_options(parser)
    parser.add_argument("--floor", type=float, help="fix the constant E")
    number_options(parser)


def table_report(chosen: argparse.Namespace) -> tuple[Path, str]:
    """Where to write, and the page."""
    from analysis.commands.plots import LEAST_DRAWS, contrasts_of, drawings_across, split_drawings
    from analysis.commands.result import as_object
    from analysis.fit.splits import fit_splits
    from analysis.report.table_page import Part, table_page

    for name in ("response", "axes"):
        if getattr(chosen, name) is None:
            raise UserError(
                f"{chosen.study} is a table: say which column with --{name} (or give a results "
                "folder)"
            )
    chosen.file = chosen.study
    law = law_of(chosen)
    runs = runs_of(chosen, law)
    fitted = fit_splits(
        law,
        runs=runs,
        delta=chosen.delta,
        floor=chosen.floor,
        bootstrap=max(chosen.bootstrap, LEAST_DRAWS),
        seed=chosen.seed,
    )
    parts = []
    for place, part in enumerate(fitted):
        found = as_object(
            part.fit, verdicts=part.verdicts, hold_outs=part.hold_outs, notes=runs.notes
        )
        drawn = split_drawings(
            part, response=chosen.response, prefix=f"{place}_" if part.name else ""
        )
        parts.append(Part(part, found, drawn))
    across = drawings_across(fitted, response=chosen.response, names=law_axes(chosen, law))
    page = table_page(
        parts,
        title=chosen.study.name,
        response=chosen.response,
        across=across,
        contrasts=contrasts_of(fitted),
    )
    return chosen.out or chosen.study.with_suffix(".report.html"), page
