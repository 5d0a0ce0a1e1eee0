"""The options that commands share, and what they ask for: the law, the columns, the runs.

A group of options is a dataclass. `grouped` turns each of its fields into one option."""

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from physscale.records.errors import UserError

if TYPE_CHECKING:
    from analysis.data.table import Runs
    from analysis.laws.law import Law

_DEFAULT_LAW = {1: "power", 2: "power-nd", 3: "power-ndc"}
_AXES_HELP = "Columns in the law's order (N,D) or by name (N=params,D=tokens)."

LawName = Annotated[
    str | None,
    typer.Option("--law", help="A law that `laws` lists; default: a power law in the given axes."),
]
Floor = Annotated[
    float | None,
    typer.Option("--floor", help="Fix the constant E to a measured floor; 0 removes it."),
]
LARGEST_SEED = 2**32 - 1
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write to.")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table of runs, its response and its axes."""

    file: Annotated[Path, typer.Argument(help="CSV or Parquet, one run per row.")]
    response: Annotated[str, typer.Option("--response", help="Column of the error or loss.")]
    axes: Annotated[str, typer.Option("--axes", help=_AXES_HELP)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """The optional columns of a table, and the rows to use."""

    split: Annotated[
        str | None,
        typer.Option("--split", help="Column that names the split; each split has its own fit."),
    ] = None
    seed_column: Annotated[
        str | None,
        typer.Option(
            "--seed-column",
            "--repeat",
            help="Column of the seed; runs with equal axes are averaged either way.",
        ),
    ] = None
    count_column: Annotated[
        str | None,
        typer.Option("--count-column", help="Column with the number of trials behind a ratio."),
    ] = None
    flops_column: Annotated[
        str | None,
        typer.Option("--flops-column", help="Column with training FLOPs; default: 6 N D."),
    ] = None
    where: Annotated[
        str | None,
        typer.Option(
            "--where", help='Rows to use, such as "excluded == false and N >= 10M" (README).'
        ),
    ] = None
    percent: Annotated[
        bool, typer.Option("--percent", help="Read cells such as 12.5% as 0.125.")
    ] = False
    best: Annotated[
        float | None,
        typer.Option(
            "--best",
            help="Best value of a response that is better when higher (accuracy: 1; a reward: "
            "inf); its distance to it is used (for inf, its reciprocal).",
        ),
    ] = None
    log10: Annotated[
        str | None,
        typer.Option("--log10", help="Columns of --axes that hold logarithms to base 10 (N,D)."),
    ] = None
    once: Annotated[
        bool, typer.Option("--once", help="Count rows that are equal in every named column once.")
    ] = False
    drop_outliers: Annotated[
        bool,
        typer.Option(
            "--drop-outliers",
            help="Leave out runs that lie far from the other seeds of their configuration.",
        ),
    ] = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resampling:
    """The loss and the bootstrap.

    Raises:
        UserError: for a delta that is not positive, or too many resamples.
    """

    delta: Annotated[
        float | None,
        typer.Option(
            "--delta",
            help="Huber delta in log units; inf is least squares; default: from the residuals.",
        ),
    ] = None
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", help="Number of resamples; 0 for none.")
    ] = 2000
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of the resampling.")
    ] = 0

    def __post_init__(self) -> None:
        if not 0 <= self.bootstrap <= 100_000:
            raise UserError(f"--bootstrap {self.bootstrap}: use 0 to 100000")
        if self.delta is not None and not self.delta > 0:
            raise UserError(f"--delta {self.delta}: use a positive number, or inf")


def grouped(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """A Typer command: each parameter whose type is a dataclass becomes one option per field."""
    groups: dict[str, type] = {}
    parameters: list[inspect.Parameter] = []
    for name, hint in get_type_hints(command, include_extras=True).items():
        if name == "return":
            continue
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            groups[name] = hint
            parameters += inspect.signature(hint).parameters.values()
        else:
            parameter = inspect.signature(command).parameters[name]
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hint))

    @wraps(command)
    def run(**given: Any) -> int | None:  # noqa: ANN401
        taken = {}
        for name, group in groups.items():
            taken[name] = group(**{field.name: given.pop(field.name) for field in _fields(group)})
        return command(**taken, **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _fields(group: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(group)


def law_of(name: str | None, table: Table) -> "Law":
    """The law asked for, or the power law in as many axes as were given."""
    from analysis.laws.registry import law_named

    return law_named(name or _DEFAULT_LAW.get(len(table.axes.split(",")), "power-ndc"))


def runs_of(table: Table, columns: Columns, law: "Law") -> "Runs":
    """The table's runs, with the axes that this law needs.

    Raises:
        UserError: if an option or a column does not fit.
    """
    return read_table(table, columns, ratio=law.response == "ratio", axes=law_axes(table, law))


def read_table(table: Table, columns: Columns, *, ratio: bool, axes: dict[str, str]) -> "Runs":
    """The table's runs; `axes` are columns by the law's names.

    Raises:
        UserError: if a column does not fit.
    """
    from analysis.data.table import Reading, read_runs

    return read_runs(
        table.file,
        response=table.response,
        axes=axes,
        split=columns.split,
        seed=columns.seed_column,
        count=columns.count_column,
        flops=columns.flops_column,
        where=columns.where,
        ratio=ratio,
        reading=Reading(
            percent="read" if columns.percent else "refused",
            best=columns.best,
            log10=tuple(name.strip() for name in (columns.log10 or "").split(",") if name.strip()),
            equal_rows="once" if columns.once else "all",
            outliers="left out" if columns.drop_outliers else "used",
        ),
    )


def law_axes(table: Table, law: "Law") -> dict[str, str]:
    """Maps the law's axes to columns: by name where names are given, else by position.

    Raises:
        UserError: if they do not match.
    """
    from analysis.data.shown import short
    from analysis.data.table import axis_names

    given = axis_names(table.axes.split(","))
    if set(law.axes) == set(given):
        return {axis: given[axis] for axis in law.axes}
    if law.axes and len(given) == len(law.axes) and "=" not in table.axes:
        return dict(zip(law.axes, given.values(), strict=True))
    if not law.axes:
        return given
    raise UserError(
        f"--axes {short(table.axes)}: law {law.name} has {', '.join(law.axes)}; write "
        f"{','.join(f'{axis}=COLUMN' for axis in law.axes)}"
    )
