"""`fit --law isotonic`: the nearest falling curve of each split, with a band of the configuration
bootstrap and no exponent at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from analysis.commands.options import Columns, Resampling, Table, print_json, read_table
from analysis.commands.result import verdict_object
from analysis.data.configurations import configurations
from analysis.data.table import Runs, axis_names
from analysis.estimate.resampling import shared_resamples
from analysis.fit.splits import verdicts
from analysis.laws.isotonic import ISOTONIC, Isotonic, fit_isotonic
from analysis.verdict.isotonic import falling
from analysis.verdict.verdict import Verdict
from physscale.records.errors import UserError
from physscale.records.finite import finite

_UNSEEN = 1e-9
"""Weight of a level that a draw left out: it takes its value from its neighbours."""


@dataclass(frozen=True)
class Banded:
    """The curve and its 95 % bootstrap band."""

    curve: Isotonic
    low: Float[np.ndarray, " levels"]
    high: Float[np.ndarray, " levels"]


def banded(runs: Runs, *, draws: int, seed: int) -> Banded:
    """Single runs are drawn with replacement, together for all levels: a level has one
    configuration, so resampling levels would move none.

    Raises:
        UserError: below three levels.
    """
    (x,) = runs.axes.values()
    curve = fit_isotonic(x, runs.response)
    if len(curve.x) < 3:
        raise UserError(f"{len(curve.x)} levels: law isotonic needs three")
    each = configurations({"run": np.arange(1.0, len(x) + 1)}, runs.response)
    counts = shared_resamples({"": each}, draws=draws, seed=seed)[""].counts()
    member = configurations({"x": x}, runs.response).member
    level = np.eye(len(curve.x))[member]
    masses = counts @ level
    means = (counts * each.run_log) @ level / np.maximum(masses, _UNSEEN)
    spread = np.exp(
        [
            falling(row, weights=np.maximum(mass, _UNSEEN))
            for row, mass in zip(means, masses, strict=True)
        ]
    )
    low, high = np.quantile(spread, [0.025, 0.975], axis=0) if draws else (curve.level, curve.level)
    return Banded(curve, low, high)


def run_isotonic(
    table: Table,
    columns: Columns,
    resampling: Resampling,
    *,
    floor: float | None,
    draws: Path | None,
    as_json: bool,
) -> None:
    """The command."""
    axes = axis_names(table.axes.split(","))
    if len(axes) != 1:
        raise UserError(f"--axes {table.axes}: law isotonic has one axis")
    for option, given in {"floor": floor, "draws": draws}.items():
        if given is not None:
            raise UserError(f"--{option}: law isotonic has no parameters")
    runs = read_table(table, columns, ratio=False, axes=axes)
    parts = runs.splits()
    found = {}
    for name, decided in verdicts(parts).items():
        fitted = banded(parts[name], draws=resampling.bootstrap, seed=resampling.seed)
        found[name] = _object(fitted, runs=len(parts[name]), verdicts=decided, notes=runs.notes)
    if as_json:
        one = columns.split is None
        print_json(finite(found[""] if one else {"law": ISOTONIC.name, "splits": found}))
        return
    for name, part in found.items():
        if name:
            print(f"split {name}: ", end="")
        print("\n".join(_lines(part)))


def _object(
    fitted: Banded, *, runs: int, verdicts: Sequence[Verdict], notes: Sequence[str]
) -> dict[str, Any]:
    curve = fitted.curve
    return {
        "law": ISOTONIC.name,
        "formula": ISOTONIC.formula,
        "runs": runs,
        "explained": curve.explained,
        "levels": [
            {"x": float(x), "value": float(value), "low": float(low), "high": float(high)}
            for x, value, low, high in zip(
                curve.x, curve.level, fitted.low, fitted.high, strict=True
            )
        ],
        "verdict": {verdict.axis: verdict_object(verdict) for verdict in verdicts},
        "warnings": list(notes),
    }


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['law']}: {found['explained']:.1%} of the variance of log response"]
    for row in found["levels"]:
        lines.append(
            f"  {row['x']:12.6g} {row['value']:12.6g}   [{row['low']:.6g}, {row['high']:.6g}]"
        )
    for axis, verdict in found["verdict"].items():
        lines.append(f"{axis}: {verdict['word']}: {verdict['reason']}")
    return lines + [f"warning: {note}" for note in found["warnings"]]
