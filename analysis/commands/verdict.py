"""`verdict`: scales, saturates, flat, worsens or undetermined."""

from typing import Annotated

import typer

from analysis.commands.options import (
    Columns,
    Table,
    grouped,
    read_table,
)
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError


@grouped
def verdict(
    *,
    table: Table,
    columns: Columns,
    margin: Annotated[
        float,
        typer.Option(
            "--margin", help="The relative change over the range that still counts as flat."
        ),
    ] = 0.10,
    as_json: AsJson = False,
) -> None:
    """Decide: scales, saturates, flat, worsens or undetermined, per split and axis."""
    from analysis.commands.result import verdict_object
    from analysis.data.table import axis_names
    from analysis.fit.contrast import contrast_object
    from analysis.fit.paired import change_contrasts
    from analysis.fit.splits import verdicts

    if not 0 < margin < 1:
        raise UserError(f"--margin {margin}: use a number between 0 and 1")
    runs = read_table(table, columns, ratio=False, axes=axis_names(table.axes.split(",")))
    parts = runs.splits()
    found = verdicts(parts, margin=margin)
    contrasts = [contrast for axis in runs.axes for contrast in change_contrasts(parts, axis=axis)]
    if as_json:
        objects = {
            name: {verdict.axis: verdict_object(verdict) for verdict in decided}
            for name, decided in found.items()
        }
        differences = [contrast_object(contrast) for contrast in contrasts]
        parted = {"splits": objects, "contrasts": differences}
        told = objects[""] if columns.split is None else parted
        print_json(told | {"warnings": list(runs.notes)})
        return
    for name, decided in found.items():
        place = f"{name} " if name else ""
        for verdict in decided:
            print(f"{place}{verdict.axis}: {verdict.word}: {verdict.reason}")
    for contrast in contrasts:
        print(contrast.statement)
    for note in runs.notes:
        print(f"warning: {note}")
