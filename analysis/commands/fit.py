"""`fit`: one law for every split of a table of runs."""

from pathlib import Path
from typing import Annotated

import typer

from analysis.commands.options import (
    Columns,
    Floor,
    LawName,
    Resampling,
    Table,
    grouped,
    law_of,
    runs_of,
)
from physscale.records.command_line import AsJson, print_json


@grouped
def fit(
    *,
    table: Table,
    columns: Columns,
    resampling: Resampling,
    law: LawName = None,
    floor: Floor = None,
    draws: Annotated[
        Path | None,
        typer.Option("--draws", help="Store the bootstrap draws in this Parquet file."),
    ] = None,
    no_profile: Annotated[
        bool, typer.Option("--no-profile", help="Skip profile likelihoods.")
    ] = False,
    no_holdout: Annotated[
        bool, typer.Option("--no-holdout", help="Skip the ordered hold-out.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fit a law to a table of runs."""
    from analysis.commands.result import as_lines, as_object
    from analysis.fit.contrast import contrast_object
    from analysis.fit.paired import fit_contrasts
    from analysis.fit.splits import fit_splits
    from analysis.laws.registry import CURVES

    if law in CURVES.entries():
        from analysis.commands.curve_fit import run_curve

        curve = CURVES.named(law)
        run_curve(curve, table, columns, resampling, floor=floor, draws=draws, as_json=as_json)
        return
    chosen = law_of(law, table)
    runs = runs_of(table, columns, chosen)
    parts = fit_splits(
        chosen,
        runs=runs,
        delta=resampling.delta,
        floor=floor,
        bootstrap=resampling.bootstrap,
        seed=resampling.seed,
        with_profile=not no_profile,
        with_hold_out=not no_holdout,
    )
    found = {
        part.name: as_object(
            part.fit, verdicts=part.verdicts, hold_outs=part.hold_outs, notes=runs.notes
        )
        for part in parts
    }
    fits = {part.name: part.fit for part in parts}
    contrasts = fit_contrasts(fits)
    if draws is not None:
        from analysis.fit.draws import write_draws

        write_draws(draws, fits, seed=resampling.seed)
    if as_json and columns.split is None:
        print_json(found[""])
    elif as_json:
        differences = [contrast_object(contrast) for contrast in contrasts]
        print_json({"law": chosen.name, "splits": found, "contrasts": differences})
    else:
        for name, result in found.items():
            if name:
                print(f"split {name}")
            print("\n".join(as_lines(result)), end="\n\n")
        for contrast in contrasts:
            print(contrast.statement)
