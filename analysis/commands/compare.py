"""`compare`: which law the runs need, and which one predicts (analysis/fit/nested.py)."""

from typing import Annotated, Any

import typer

from analysis.commands.options import LARGEST_SEED, Columns, Table, grouped
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError


@grouped
def compare(
    *,
    table: Table,
    laws: Annotated[
        str,
        typer.Option(
            "--laws",
            help="Two or more laws; NAME@FLOOR fixes the floor: power,power@0.01.",
        ),
    ],
    columns: Columns,
    worlds: Annotated[
        int, typer.Option("--worlds", help="Number of simulated tables per test.")
    ] = 400,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of the simulated tables.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare laws: bootstrap tests, AICc, ordered hold-out."""
    from analysis.commands.options import law_axes, read_table
    from analysis.fit.nested import candidates_of, compared
    from physscale.records.finite import finite

    if not 20 <= worlds <= 20_000:
        raise UserError(f"--worlds {worlds}: use 20 to 20000")
    candidates = candidates_of(laws)
    widest = max(candidates, key=lambda candidate: len(candidate.law.axes)).law
    for candidate in candidates:
        if not set(candidate.law.axes) <= set(widest.axes):
            raise UserError(
                f"--laws {laws}: {candidate.law.name} and {widest.name} have different axes"
            )
    runs = read_table(table, columns, ratio=False, axes=law_axes(table, widest))
    found = {
        name: finite(compared(candidates, runs=part, worlds=worlds, seed=seed))
        for name, part in runs.splits().items()
    }
    if as_json:
        told = found[""] if columns.split is None else {"splits": found}
        print_json(told | {"warnings": list(runs.notes)})
        return
    for name, part in found.items():
        if name:
            print(f"split {name}")
        print("\n".join(_lines(part)))
    for note in runs.notes:
        print(f"warning: {note}")


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['configurations']} configurations"]
    for row in found["laws"]:
        lines.append(f"{row['law']}: {row['formula']}")
        aicc = (
            "none"
            if row["aicc"] is None
            else f"{row['aicc']:.2f} (weight {row['aicc_weight']:.2f})"
        )
        lines.append(
            f"  {row['free_parameters']} free, sum of squares {row['sum_of_squares']:.4g}, AICc "
            f"{aicc}"
        )
        lines += [
            f"  held out {held['held']} beyond {held['axis']} (origin {held['dropped']}): RMSLE "
            f"{held['rmsle']:.4f}, "
            f"bias {held['bias']:+.4f}, coverage {held['coverage']:.0%}, skill against "
            f"carry-forward {held['skill']:.2f}"
            for held in row["hold_out"]
        ]
        lines += [f"  warning: {text}" for text in row["warnings"]]
    for test in found["tests"]:
        verdict = (
            f"{test['smaller']} is rejected" if test["p"] < 0.05 else f"{test['smaller']} is enough"
        )
        lines.append(
            f"{test['smaller']} against {test['larger']}: {verdict}, p {test['p']:.3f} "
            f"({test['worlds']} worlds of {test['smaller']})"
        )
    return lines
