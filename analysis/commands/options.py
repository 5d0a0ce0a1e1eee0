"""The options of every command on a table of runs, and what they ask for: its law, its columns, its
runs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from physscale.records.errors import UserError

if TYPE_CHECKING:
    from analysis.data.table import Runs
    from analysis.laws.law import Law

_DEFAULT_LAW = {1: "power", 2: "power-nd", 3: "power-ndc"}


def table_options(parser: argparse.ArgumentParser) -> None:
    """The table and its columns."""
    parser.add_argument("file", type=Path, help="CSV or Parquet, one run a row")
    parser.add_argument("--response", required=True, help="column of the error or loss")
    parser.add_argument(
        "--axes",
        required=True,
        help="columns in the law's order (N,D) or by name (N=params,D=tokens)",
    )
    column_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def column_options(parser: argparse.ArgumentParser) -> None:
    """The columns that a table may have, and the rows to use."""
    parser.add_argument(
        "--split", help="column that names the split; every split is fitted by itself"
    )
    parser.add_argument(
        "--seed-column",
        "--repeat",
        dest="seed_column",
        help="column of the seed; runs of equal axes are averaged either way",
    )
    parser.add_argument("--count-column", help="column with the number of trials behind a ratio")
    parser.add_argument("--flops-column", help="column with training FLOPs (default: 6 N D)")
    parser.add_argument("--where", help='rows to use, such as "excluded == 0 and N >= 1e7"')


def number_options(parser: argparse.ArgumentParser) -> None:
    """The loss and the resampling."""
    parser.add_argument(
        "--delta",
        type=float,
        help="Huber delta in log units; inf is least squares (default: from the residuals)",
    )
    parser.add_argument(
        "--bootstrap", type=int, default=2000, help="resamples (default 2000; 0 for none)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling")


def law_of(chosen: argparse.Namespace) -> "Law":
    """The law asked for, or the power law in as many axes as were given."""
    from analysis.laws.registry import law_named

    return law_named(chosen.law or _DEFAULT_LAW.get(len(chosen.axes.split(",")), "power-ndc"))


def runs_of(chosen: argparse.Namespace, law: "Law") -> "Runs":
    """The table's runs, with the axes that this law needs.

    Raises:
        UserError: if an option or a column does not fit.
    """
    return read_table(chosen, ratio=law.response == "ratio", axes=law_axes(chosen, law))


def read_table(chosen: argparse.Namespace, *, ratio: bool, axes: dict[str, str]) -> "Runs":
    """The table's runs; `axes` are columns by the law's names.

    Raises:
        UserError: if an option or a column does not fit.
    """
    from analysis.data.table import read_runs

    if getattr(chosen, "bootstrap", 0) < 0 or getattr(chosen, "bootstrap", 0) > 100_000:
        raise UserError(f"--bootstrap {chosen.bootstrap}: use 0 to 100000")
    if getattr(chosen, "delta", None) is not None and not chosen.delta > 0:
        raise UserError(f"--delta {chosen.delta}: use a positive number, or inf")
    return read_runs(
        chosen.file,
        response=chosen.response,
        axes=axes,
        split=chosen.split,
        seed=chosen.seed_column,
        count=chosen.count_column,
        flops=chosen.flops_column,
        where=chosen.where,
        ratio=ratio,
    )


def law_axes(chosen: argparse.Namespace, law: "Law") -> dict[str, str]:
    """The law's axes to columns: by name where names are given, else by position.

    Raises:
        UserError: if they do not match.
    """
    from analysis.data.table import axis_names

    given = axis_names(chosen.axes.split(","))
    if set(law.axes) <= set(given):
        return {axis: given[axis] for axis in law.axes}
    if law.axes and len(given) == len(law.axes) and "=" not in chosen.axes:
        return dict(zip(law.axes, given.values(), strict=True))
    if not law.axes:
        return given
    raise UserError(
        f"--axes {chosen.axes}: law {law.name} needs {', '.join(law.axes)}; write "
        f"{','.join(f'{a}=COLUMN' for a in law.axes)}"
    )
