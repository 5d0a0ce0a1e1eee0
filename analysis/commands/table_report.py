"""`report` on any table of runs: the same page as for a study."""

from analysis.commands.options import Columns, Resampling, Table, law_axes, law_of, runs_of
from analysis.commands.result import as_object
from analysis.fit.choice import choose
from analysis.fit.splits import fit_splits
from analysis.report.table_drawings import (
    LEAST_DRAWS,
    contrasts_of,
    drawings_across,
    split_drawings,
)
from analysis.report.table_page import Part, table_page


def table_report(
    table: Table,
    columns: Columns,
    resampling: Resampling,
    *,
    law: str | None,
    floor: float | None,
) -> str:
    """The page."""
    chosen = law_of(law, table)
    runs = runs_of(table, columns, chosen)
    choice = None
    if law is None:
        choice = choose(chosen, runs=runs, delta=resampling.delta, floor=floor)
        chosen = choice.law
    fitted = fit_splits(
        chosen,
        runs=runs,
        delta=resampling.delta,
        floor=floor,
        bootstrap=max(resampling.bootstrap, LEAST_DRAWS),
        seed=resampling.seed,
    )
    parts = []
    for place, part in enumerate(fitted):
        found = as_object(
            part.fit, verdicts=part.verdicts, hold_outs=part.hold_outs, notes=runs.notes
        )
        prefix = f"{place}_" if part.name else ""
        drawn = split_drawings(part, response=runs.name, prefix=prefix)
        parts.append(Part(part, found, drawn))
    across = drawings_across(fitted, response=runs.name, names=law_axes(table, chosen))
    return table_page(
        parts,
        title=table.file.name,
        response=runs.name,
        across=across,
        contrasts=contrasts_of(fitted),
        choice=choice.reason if choice else None,
    )
