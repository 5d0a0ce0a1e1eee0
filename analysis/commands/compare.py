"""`python -m analysis compare FILE --laws power-zero,power`: which law the runs need, and which
predicts (analysis/fit/nested.py)."""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from physscale.records.errors import UserError


def add_compare(commands: Any) -> None:  # noqa: ANN401 - argparse keeps this class to itself
    """Adds the parser."""
    from analysis.commands.options import column_options

    compare = commands.add_parser(
        "compare", help="laws against each other: bootstrap tests, AICc, ordered hold-out"
    )
    compare.add_argument("file", type=Path, help="CSV or Parquet, one run a row")
    compare.add_argument("--response", required=True, help="column of the error or loss")
    compare.add_argument(
        "--axes",
        required=True,
        help="columns in the laws' order (N,D) or by name (N=params,D=tokens)",
    )
    compare.add_argument(
        "--laws",
        required=True,
        help="two or more names of `python -m analysis laws`; NAME@FLOOR fixes the floor: "
        "power,power@0.01",
    )
    column_options(compare)
    compare.add_argument(
        "--worlds", type=int, default=400, help="worlds of each test (default 400)"
    )
    compare.add_argument("--seed", type=int, default=0, help="seed of the worlds")
    compare.add_argument("--json", action="store_true", help="one JSON object on standard output")
    compare.set_defaults(run=_compare)


def _compare(chosen: argparse.Namespace) -> int:
    from analysis.commands.options import law_axes, read_table
    from analysis.fit.nested import candidates_of, compared
    from physscale.records.finite import finite

    if not 20 <= chosen.worlds <= 20_000:
        raise UserError(f"--worlds {chosen.worlds}: use 20 to 20000")
    candidates = candidates_of(chosen.laws)
    widest = max(candidates, key=lambda candidate: len(candidate.law.axes)).law
    for candidate in candidates:
        if not set(candidate.law.axes) <= set(widest.axes):
            raise UserError(
                f"--laws {chosen.laws}: {candidate.law.name} and {widest.name} have different axes"
            )
    runs = read_table(chosen, ratio=False, axes=law_axes(chosen, widest))
    compare = partial(compared, candidates, worlds=chosen.worlds, seed=chosen.seed)
    found = {name: finite(compare(runs=part)) for name, part in runs.splits().items()}
    if chosen.json:
        print(
            json.dumps(
                found[""] if chosen.split is None else {"splits": found}, indent=1, allow_nan=False
            )
        )
        return 0
    for name, part in found.items():
        print("\n".join([*([f"split {name}"] if name else []), *_lines(part)]))
    for note in runs.notes:
        print(f"warning: {note}")
    return 0


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
