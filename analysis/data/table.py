"""Any table of runs: CSV or Parquet in, clean columns out. Every left-out row is counted and
reported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from analysis.data.column import Percent
from analysis.data.load import load
from analysis.data.shown import labels, short
from analysis.data.source import Source
from analysis.data.where import rows_where
from physscale.records.errors import UserError


@dataclass(frozen=True)
class Runs:
    """Columns by role. Every axis is positive and finite. The response is finite, and positive
    where a law of a positive number is fitted."""

    axes: Mapping[str, Float[np.ndarray, " runs"]]
    response: Float[np.ndarray, " runs"]
    split: np.ndarray
    seed: np.ndarray
    count: Float[np.ndarray, " runs"] | None
    flops: Float[np.ndarray, " runs"] | None
    notes: tuple[str, ...]

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
        )

    def splits(self) -> dict[str, "Runs"]:
        """One part per split, in order of appearance; a single part named "" without a split
        column."""
        return {
            str(name): self.only(self.split == name) for name in dict.fromkeys(self.split.tolist())
        }


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
    percent: Percent = "refused",
    ratio: bool = False,
) -> Runs:
    """Reads the named columns. `axes` maps each axis of the law (N, D, C, x ...) to a column.

    A row is used if every named column has a usable value in it.

    Raises:
        UserError: for a missing file or column, text where numbers belong, or no row left.
        DamagedData: for a file that is neither CSV nor Parquet.
    """
    loaded = load(path)
    source = Source(loaded.table, percent, loaded.comma, dict.fromkeys(loaded.notes))
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
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    filters = [_positive(what, numbers[name]) for what, name in positive.items()]
    filters.append(_response(f"response {short(response)}", numbers[response], ratio=ratio))
    filters += [
        _filled(f"{what} {short(name)}", texts[name])
        for what, name in (("split", split), ("seed", seed))
        if name
    ]
    good = keep.copy()
    notes = list(source.notes)
    for tests in filters:
        for why, wrong in tests.items():
            if left := int((keep & wrong).sum()):
                notes.append(f"{left} rows with {why} were left out")
            good &= ~wrong
    if not good.any():
        raise UserError(f"{path}: no usable row is left ({_reason(keep, notes)})")
    blank = np.full(int(good.sum()), "", dtype=object)
    return Runs(
        axes={role: numbers[name][good] for role, name in axes.items()},
        response=numbers[response][good],
        split=_labelled(texts[split][good]) if split else blank,
        seed=texts[seed][good] if seed else blank,
        count=numbers[count][good] if count else None,
        flops=numbers[flops][good] if flops else None,
        notes=tuple(notes),
    )


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
