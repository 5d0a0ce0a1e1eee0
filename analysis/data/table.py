"""Any table of runs: CSV or Parquet in, clean columns out. Every left-out row is counted and
reported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from analysis.data.column import Percent
from analysis.data.load import load
from analysis.data.questions import (
    Asked,
    away_from_other_seeds,
    first_of_equal,
    is_state,
    questions,
)
from analysis.data.response import Response
from analysis.data.shown import labels, short
from analysis.data.source import Source
from analysis.data.where import rows_where
from physscale.records.errors import UserError


@dataclass(frozen=True)
class Runs:
    """Columns by role. Every axis is positive and finite. The response is finite, and positive
    where a law of a positive number is fitted; `name` is what it is."""

    axes: Mapping[str, Float[np.ndarray, " runs"]]
    response: Float[np.ndarray, " runs"]
    split: np.ndarray
    seed: np.ndarray
    count: Float[np.ndarray, " runs"] | None
    flops: Float[np.ndarray, " runs"] | None
    notes: tuple[str, ...]
    name: str = "response"

    def __len__(self) -> int:
        return len(self.response)

    def only(self, chosen: Bool[np.ndarray, " runs"]) -> "Runs":
        """These rows."""
        return Runs(
            {name: values[chosen] for name, values in self.axes.items()},
            self.response[chosen],
            self.split[chosen],
            self.seed[chosen],
            None if self.count is None else self.count[chosen],
            None if self.flops is None else self.flops[chosen],
            self.notes,
            self.name,
        )

    def splits(self) -> dict[str, "Runs"]:
        """One part per split, in order of appearance; a single part named "" without a split
        column."""
        return {
            str(name): self.only(self.split == name) for name in dict.fromkeys(self.split.tolist())
        }


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a table is read.

    Attributes:
        percent: whether cells such as 12.5% are numbers.
        best: where higher is better, the best value of the response: its distance to it is read, or
            to infinity its reciprocal.
        log10: axis columns that hold logarithms.
        equal_rows: whether a row that repeats another one in every named column counts again.
        outliers: what becomes of runs that lie far from the other seeds of their configuration.
    """

    percent: Percent = "refused"
    best: float | None = None
    log10: tuple[str, ...] = ()
    equal_rows: Literal["all", "once"] = "all"
    outliers: Literal["used", "left out"] = "used"


def read_runs(
    path: Path,
    *,
    response: str,
    axes: Mapping[str, str],
    split: str | None = None,
    seed: str | None = None,
    count: str | None = None,
    flops: str | None = None,
    where: str | None = None,
    ratio: bool = False,
    reading: Reading = Reading(),
) -> Runs:
    """Reads the named columns. `axes` maps each axis of the law (N, D, C, x ...) to a column.

    A row is used if every named column has a usable value in it. What looks doubtful is asked about
    in the notes.

    Raises:
        UserError: for a missing file or column, text where numbers belong, or no row left.
        DamagedData: for a file that is neither CSV nor Parquet.
    """
    loaded = load(path)
    source = Source(loaded.table, reading.percent, loaded.comma, dict.fromkeys(loaded.notes))
    try:
        keep = (
            np.ones(source.table.num_rows, dtype=bool)
            if where is None
            else rows_where(source, where)
        )
        positive = {f"axis {role}": name for role, name in axes.items()}
        positive |= {
            f"{what} {short(name)}": name
            for what, name in (("count", count), ("FLOPs", flops))
            if name
        }
        numbers = {name: source.numbers(name) for name in (*positive.values(), response)}
        texts = {name: source.texts(name) for name in (split, seed) if name}
        told = Response.of(response, numbers[response], best=reading.best)
        numbers |= _powers_of_ten(numbers, axes=axes, log10=reading.log10)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    filters = [_positive(what, numbers[name]) for what, name in positive.items()]
    filters.append(_response(f"response {told.name}", told.values, ratio=ratio))
    filters += [
        _filled(f"{what} {short(name)}", texts[name])
        for what, name in (("split", split), ("seed", seed))
        if name
    ]
    good = keep.copy()
    notes = [*source.notes, *told.notes]
    for tests in filters:
        for why, wrong in tests.items():
            if left := int((keep & wrong).sum()):
                notes.append(f"{left} rows with {why} were left out")
            good &= ~wrong
    if not good.any():
        raise UserError(f"{path}: no usable row is left ({_reason(keep, notes)})")
    blank = np.full(source.table.num_rows, "", dtype=object)
    asked = Asked(
        axes={name: numbers[name] for name in axes.values()},
        response=told.values,
        split=texts[split] if split else blank,
        seed=texts[seed] if seed else blank,
        states={name: source.texts(name) for name in source.table.column_names if is_state(name)},
    )
    if reading.equal_rows == "once":
        again = np.flatnonzero(good)[~first_of_equal(asked.only(good))]
        good[again] = False
        notes.append(f"{len(again)} rows that repeat another one were left out")
    if reading.outliers == "left out":
        far = np.flatnonzero(good)[away_from_other_seeds(asked.only(good)) != 0]
        good[far] = False
        notes.append(f"{len(far)} runs far from the other seeds were left out")
    notes += questions(asked.only(good))
    return Runs(
        axes={role: numbers[name][good] for role, name in axes.items()},
        response=told.values[good],
        split=_labelled(asked.split[good]) if split else asked.split[good],
        seed=asked.seed[good],
        count=numbers[count][good] if count else None,
        flops=numbers[flops][good] if flops else None,
        notes=tuple(notes),
        name=told.name,
    )


def _powers_of_ten(
    numbers: Mapping[str, np.ndarray], *, axes: Mapping[str, str], log10: tuple[str, ...]
) -> dict[str, np.ndarray]:
    for name in log10:
        if name not in axes.values():
            raise UserError(f"--log10 {short(name)}: name columns of --axes")
    with np.errstate(over="ignore"):  # infinity is left out as no finite number
        return {name: 10.0 ** numbers[name] for name in log10}


def _positive(what: str, values: np.ndarray) -> dict[str, np.ndarray]:
    finite = np.isfinite(values)
    return {
        f"{what} without a finite number": ~finite,
        f"{what} that is zero or less": finite & (values <= 0),
    }


def _response(what: str, values: np.ndarray, *, ratio: bool) -> dict[str, np.ndarray]:
    if not ratio:
        return _positive(what, values)
    finite = np.isfinite(values)
    return {
        f"{what} without a finite number": ~finite,
        f"{what} outside 0 to 1": finite & ((values < 0) | (values > 1)),
    }


def _filled(what: str, cells: np.ndarray) -> dict[str, np.ndarray]:
    return {f"an empty {what}": cells == ""}


def _reason(keep: np.ndarray, notes: Sequence[str]) -> str:
    if not len(keep):
        return "the table is empty"
    return "; ".join(notes) if keep.any() else "no row fulfils --where"


def _labelled(names: np.ndarray) -> np.ndarray:
    """Each name as its label, which is safe to print."""
    found = labels(names.tolist())
    return np.array([found[name] for name in names.tolist()], dtype=object)


def axis_names(words: Sequence[str]) -> dict[str, str]:
    """Maps a law's axes to columns, from `N,D` or `N=parameters,D=videos`."""
    found = {}
    for word in words:
        role, _, column = word.partition("=")
        role = role.strip()
        if not role:
            raise UserError(f"--axes {short(word)!r}: write N,D or N=COLUMN,D=COLUMN")
        if role in found:
            raise UserError(f"--axes {short(role)}: named twice")
        found[role] = column or role
    return found
