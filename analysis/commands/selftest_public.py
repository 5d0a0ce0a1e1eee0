"""Our answers on other people's tables, beside those that they published.

Nothing is fetched: the user has the tables. `docs/how-to/public-tables.md` names their columns
and where they come from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.data.load import load
from analysis.design.exponent import Optimum, estimates
from analysis.design.frontier import Cost
from analysis.fit.fit import Fit, fit
from analysis.laws.registry import law_named
from physscale.records.errors import UserError

_DRAWS = 400
_DELTA = 1e-3
"""Of the Huber loss of both publications that fit a surface."""

_PAGE = "docs/how-to/public-tables.md"

CHINCHILLA = {"E": 1.8169, "alpha": 0.3478, "beta": 0.3658}
"""Besiroglu et al. 2024 (arXiv 2404.10102), Huber loss with delta 1e-3."""

CHINCHILLA_EXPONENT = 0.5126
"""beta / (alpha + beta) of the same fit."""

OLMO_13B = 2.3444
"""C4 loss that Bhagia et al. 2024 (arXiv 2412.04403) predict; the model reached 2.4379."""

PORIAN = {
    "rw/base/long/kaplan/kaplan/train": 0.835,
    "rw/base/long/kaplan/standard/val": 0.706,
    "rw/base/short/kaplan/standard/val": 0.602,
    "rw/base/short/chinchilla/standard/val": 0.571,
    "rw/tuned/short/const/standard/val": 0.497,
    "rw/tuned/long/const/kaplan/train": 0.711,
    "owt2/base/long/kaplan/kaplan/train": 0.864,
    "owt2/base/long/kaplan/standard/val": 0.699,
    "owt2/base/short/kaplan/standard/val": 0.603,
    "owt2/base/short/chinchilla/standard/val": 0.574,
    "owt2/tuned/short/const/standard/val": 0.518,
    "att/base/long/kaplan/attention/train": 0.717,
    "att/base/short/kaplan/attention/train": 0.622,
    "att/base/short/chinchilla/attention/train": 0.577,
    "att/tuned/short/const/attention/train": 0.505,
}
"""Exponents of N*(C) by Porian et al. 2024 (arXiv 2406.19146), of all their sub-tables."""


@dataclass(frozen=True)
class Answer:
    """One published number and ours, with a 95 % interval."""

    file: str
    what: str
    published: float
    ours: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the published number lies in our interval."""
        return self.low <= self.published <= self.high


def _columns(path: Path, names: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    table = load(path).table
    absent = [name for name in names if name not in table.column_names]
    if absent:
        raise UserError(f"{path}: no column {absent[0]!r}; it needs {', '.join(names)} ({_PAGE})")
    return {name: table[name].to_numpy() for name in names}


def _fit(found: Mapping[str, np.ndarray], loss: str, *, delta: float | None = None) -> Fit:
    return fit(
        law_named("power-nd"),
        columns={"N": found["N"].astype(float), "D": found["D"].astype(float)},
        response=found[loss].astype(float),
        delta=delta,
        bootstrap=_DRAWS,
        with_profile=False,
    )


def _optimum(found: Mapping[str, np.ndarray], fitted: Fit) -> Optimum:
    spent = found["C"].astype(float)
    return estimates(
        fitted,
        n=found["N"].astype(float),
        loss=found["loss"].astype(float),
        flops=spent,
        budgets=np.array([spent.min(), spent.max()]),
        cost=Cost(),
    ).optimum


def _chinchilla(path: Path) -> Iterator[Answer]:
    found = _columns(path, ("N", "D", "C", "loss", "excluded_in_paper"))
    kept = {name: values[found["excluded_in_paper"] == 0] for name, values in found.items()}
    fitted = _fit(kept, "loss", delta=_DELTA)
    for name, published in CHINCHILLA.items():
        ours = fitted.parameters[name]
        yield Answer(path.name, name, published, ours.value, *_ends(fitted, name))
    best = _optimum(kept, fitted)
    yield _exponent(path.name, f"exponent of N*, {best.source}", CHINCHILLA_EXPONENT, best)


def _ends(fitted: Fit, name: str) -> tuple[float, float]:
    low, high = np.quantile(fitted.built.external(fitted.draws)[name], [0.025, 0.975])
    return float(low), float(high)


def _exponent(file: str, what: str, published: float, best: Optimum) -> Answer:
    return Answer(file, what, published, best.exponent, best.exponent_low, best.exponent_high)


def _olmo(path: Path) -> Iterator[Answer]:
    found = _columns(path, ("size", "mode", "N", "D", "loss_c4"))
    train = found["mode"] == "train"
    fitted = _fit({name: values[train] for name, values in found.items()}, "loss_c4", delta=_DELTA)
    large = np.array([str(size).startswith("13B") for size in found["size"]])
    at = {axis: found[axis][large].astype(float) for axis in ("N", "D")}
    (ours,), (low, high) = fitted.predict(at), fitted.band(at)[:, 0]
    yield Answer(path.name, "C4 loss of the 13B model", OLMO_13B, float(ours), low, high)


def _porian(path: Path) -> Iterator[Answer]:
    found = _columns(path, ("table", "N", "D", "C", "loss"))
    for name, published in PORIAN.items():
        chosen = found["table"] == name
        if chosen.any():
            part = {key: values[chosen] for key, values in found.items()}
            best = _optimum(part, _fit(part, "loss"))
            yield _exponent(path.name, f"{name}, {best.source}", published, best)


PUBLIC: dict[str, Callable[[Path], Iterator[Answer]]] = {
    "chinchilla_besiroglu.csv": _chinchilla,
    "olmo_ladder_step1.csv": _olmo,
    "porian_2024.csv": _porian,
}


def answers(folder: Path) -> Iterator[Answer]:
    """The published answers to every table that the folder has, beside ours.

    Raises:
        UserError: if the folder has none of the tables, or a table lacks a column.
    """
    there = [name for name in PUBLIC if (folder / name).is_file()]
    if not there:
        raise UserError(
            f"--public {folder}: none of {', '.join(PUBLIC)}; {_PAGE} says where they come from"
        )
    for name in there:
        yield from PUBLIC[name](folder / name)


def answer_lines(found: list[Answer]) -> list[str]:
    """The answers as Markdown."""
    return [
        "| table | what | published | ours, 95 % | inside |",
        "|---|---|---|---|---|",
        *(
            f"| {row.file} | {row.what} | {row.published:.4g} | {row.ours:.4g} "
            f"[{row.low:.4g}, {row.high:.4g}] | {'yes' if row.inside else '**no**'} |"
            for row in found
        ),
    ]
