"""`fit` of a curve without a formula, such as `--law isotonic`: the nearest curve of each split,
with a bootstrap band over runs and no exponent."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from analysis.commands.options import (
    Columns,
    Resampling,
    Table,
    read_table,
)
from analysis.commands.result import verdict_object
from analysis.data.configurations import configurations
from analysis.data.table import Runs, axis_names
from analysis.estimate.resampling import shared_resamples
from analysis.fit.splits import verdicts
from analysis.laws.curve import Curve, FittedCurve, fit_curve
from analysis.verdict.verdict import Verdict
from physscale.records.command_line import print_json
from physscale.records.errors import UserError
from physscale.records.finite import finite

_UNSEEN = 1e-9
"""Weight of a level that a draw left out. The level then follows its neighbours."""


@dataclass(frozen=True)
class BandedCurve:
    """The curve and its 95 % bootstrap band."""

    curve: FittedCurve
    low: Float[np.ndarray, " levels"]
    high: Float[np.ndarray, " levels"]


def banded(curve: Curve, runs: Runs, *, draws: int, seed: int) -> BandedCurve:
    """Draws single runs with replacement, over all levels at once. A level has one configuration,
    so resampling configurations would move no level.

    Raises:
        UserError: below the curve's least number of levels.
    """
    (x,) = runs.axes.values()
    found = fit_curve(curve, x=x, response=runs.response)
    if len(found.x) < curve.least_levels:
        raise UserError(
            f"{len(found.x)} levels: law {curve.name} needs {curve.least_levels}: "
            f"{curve.identifiable}"
        )
    if not draws:
        return BandedCurve(found, found.level, found.level)
    each = configurations({"run": np.arange(1.0, len(x) + 1)}, runs.response)
    counts = shared_resamples({"": each}, draws=draws, seed=seed)[""].counts()
    level = np.eye(len(found.x))[configurations({"x": x}, runs.response).member]
    masses = np.maximum(counts @ level, _UNSEEN)
    means = (counts * each.run_log) @ level / masses
    drawn = [curve.nearest(mean, weights=mass) for mean, mass in zip(means, masses, strict=True)]
    low, high = np.quantile(np.exp(drawn), [0.025, 0.975], axis=0)
    return BandedCurve(found, low, high)


def run_curve(
    curve: Curve,
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
        raise UserError(f"--axes {table.axes}: law {curve.name} has one axis")
    for option, given in {"floor": floor, "draws": draws}.items():
        if given is not None:
            raise UserError(f"--{option}: law {curve.name} has no parameters")
    runs = read_table(table, columns, ratio=False, axes=axes)
    parts = runs.splits()
    found = {}
    for name, decided in verdicts(parts).items():
        fitted = banded(curve, parts[name], draws=resampling.bootstrap, seed=resampling.seed)
        found[name] = _object(
            curve, fitted, runs=len(parts[name]), verdicts=decided, notes=runs.notes
        )
    if as_json:
        one = columns.split is None
        print_json(finite(found[""] if one else {"law": curve.name, "splits": found}))
        return
    for name, part in found.items():
        if name:
            print(f"split {name}: ", end="")
        print("\n".join(_lines(part)))


def _object(
    curve: Curve,
    fitted: BandedCurve,
    *,
    runs: int,
    verdicts: Sequence[Verdict],
    notes: Sequence[str],
) -> dict[str, Any]:
    found = fitted.curve
    return {
        "law": curve.name,
        "formula": curve.formula,
        "runs": runs,
        "explained": found.explained,
        "levels": [
            {"x": float(x), "value": float(value), "low": float(low), "high": float(high)}
            for x, value, low, high in zip(
                found.x, found.level, fitted.low, fitted.high, strict=True
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
