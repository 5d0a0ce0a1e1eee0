"""`plot`: every figure for a fit of any table of runs, as PNG and PDF with its CSV, and all as one
PDF."""

from typing import Annotated, Literal

import typer

from analysis.commands.options import (
    Columns,
    Floor,
    LawName,
    OutFolder,
    Resampling,
    Table,
    grouped,
    law_axes,
    law_of,
    runs_of,
)
from physscale.records.errors import UserError


@grouped
def plot(
    *,
    table: Table,
    columns: Columns,
    resampling: Resampling,
    law: LawName = None,
    floor: Floor = None,
    out: OutFolder,
    width: Annotated[
        Literal["double", "single"],
        typer.Option("--width", help="Two columns of a journal's page (7 in) or one (3.4 in)."),
    ] = "double",
) -> None:
    """Every figure of a fit as PNG (300 dpi) and PDF with its CSV, and all as one PDF."""
    from analysis.figures.style import Layout, pdf
    from analysis.fit.splits import fit_splits
    from analysis.report.page import write_figures
    from analysis.report.table_drawings import LEAST_DRAWS, drawings_across, split_drawings

    chosen = law_of(law, table)
    runs = runs_of(table, columns, chosen)
    parts = fit_splits(
        chosen,
        runs=runs,
        delta=resampling.delta,
        floor=floor,
        bootstrap=max(resampling.bootstrap, LEAST_DRAWS),
        seed=resampling.seed,
    )
    drawn = drawings_across(parts, response=runs.name, names=law_axes(table, chosen))
    for place, part in enumerate(parts):
        prefix = f"{place}_" if part.name else ""
        drawn += split_drawings(part, response=runs.name, prefix=prefix)
    layout: Layout = "column" if width == "single" else "row"
    whole = out / "figures.pdf"
    try:
        written = write_figures(drawn, folder=out, names={}, layout=layout)
        whole.write_bytes(pdf(drawing.figure() for drawing in drawn))
    except OSError as error:
        raise UserError(f"--out {out}: cannot write there ({error.strerror})") from error
    for path in [*written, whole]:
        print(path)
