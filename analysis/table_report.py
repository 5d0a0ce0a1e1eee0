"""`python -m analysis report FILE --response loss --axes N,D`: the same page for anyone's table of runs."""

import argparse
from pathlib import Path

from physscale.records.errors import UserError


def add_table_report(parser: argparse.ArgumentParser) -> None:
    """Options of the table; a results folder needs none of them."""
    from analysis.commands import _number_options

    parser.add_argument("--response", help="column of the error or loss (for a table)")
    parser.add_argument("--axes", help="columns in the law's order (N,D) or by name (N=params,D=tokens)")
    parser.add_argument("--law", help="a name of `python -m analysis laws`")
    parser.add_argument("--split", help="column that names the split")
    parser.add_argument("--seed-column", help="column of the seed")
    parser.add_argument("--count-column", help="column with the number of trials behind a ratio")
    parser.add_argument("--flops-column", help="column with training FLOPs")
    parser.add_argument("--where", help='rows to use, such as "excluded == 0"')
    parser.add_argument("--floor", type=float, help="fix the constant E")
    _number_options(parser)


def table_report(chosen: argparse.Namespace) -> tuple[Path, str]:
    """Where to write, and the page."""
    from analysis.commands import _DEFAULT_LAW, _axes, _hold_outs, _read, _verdicts
    from analysis.fit import fit
    from analysis.laws.registry import law_named
    from analysis.plots import _across, fit_drawings
    from analysis.report.table_page import Part, table_page
    from analysis.result import as_object

    for name in ("response", "axes"):
        if getattr(chosen, name) is None:
            raise UserError(f"{chosen.study} is a table: say which column with --{name} (or give a results folder)")
    chosen.file = chosen.study
    law = law_named(chosen.law or _DEFAULT_LAW.get(len(chosen.axes.split(",")), "power-ndc"))
    runs = _read(chosen, ratio=law.response == "ratio", axes=_axes(chosen, law))
    tables = runs.splits()
    fits = {
        name: fit(
            law,
            columns=part.axes,
            response=part.response,
            delta=chosen.delta,
            floor=chosen.floor,
            bootstrap=max(chosen.bootstrap, 200),
            seed=chosen.seed,
            count=part.count,
        )
        for name, part in tables.items()
    }
    positive = law.response == "positive"
    verdicts = _verdicts(tables) if positive else {name: [] for name in tables}
    parts = []
    for place, (name, fitted) in enumerate(fits.items()):
        held = _hold_outs(law, tables[name], chosen) if positive and law.axes else []
        found = as_object(fitted, verdicts=verdicts[name], hold_outs=held, notes=runs.notes)
        drawn = fit_drawings(fitted, tables[name], prefix=f"{place}_" if name else "")
        parts.append(Part(name, found, verdicts[name], drawn))
    page = table_page(parts, title=chosen.study.name, response=chosen.response, across=_across(fits))
    return chosen.out or chosen.study.with_suffix(".report.html"), page
