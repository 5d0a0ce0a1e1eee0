"""`fit --law isotonic`: the nearest falling curve of each split, with a band of the configuration
bootstrap and no exponent at all."""

import argparse
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from analysis.data.configurations import configurations
from analysis.data.table import Runs
from analysis.estimate.resampling import shared_resamples
from analysis.laws.isotonic import ISOTONIC, Isotonic, fit_isotonic
from analysis.verdict.isotonic import falling
from physscale.records.errors import UserError

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


def run_isotonic(chosen: argparse.Namespace) -> int:
    """The command."""
    from analysis.commands.options import read_table
    from analysis.commands.result import verdict_object
    from analysis.data.table import axis_names
    from analysis.fit.splits import verdicts
    from physscale.records.finite import finite

    axes = axis_names(chosen.axes.split(","))
    if len(axes) != 1:
        raise UserError(f"--axes {chosen.axes}: law isotonic has one axis")
    for option in ("floor", "draws"):
        if getattr(chosen, option) is not None:
            raise UserError(f"--{option}: law isotonic has no parameters")
    runs = read_table(chosen, ratio=False, axes=axes)
    parts = runs.splits()
    judged = verdicts(parts)
    found: dict[str, dict[str, Any]] = {}
    for name, part in parts.items():
        curve = banded(part, draws=chosen.bootstrap, seed=chosen.seed)
        levels = zip(
            curve.curve.x.tolist(),
            curve.curve.level.tolist(),
            curve.low.tolist(),
            curve.high.tolist(),
            strict=True,
        )
        found[name] = {
            "law": ISOTONIC.name,
            "formula": ISOTONIC.formula,
            "runs": len(part),
            "explained": curve.curve.explained,
            "levels": [
                dict(zip(("x", "value", "low", "high"), row, strict=True)) for row in levels
            ],
            "verdict": {verdict.axis: verdict_object(verdict) for verdict in judged[name]},
            "warnings": list(runs.notes),
        }
    if chosen.json:
        told = found[""] if chosen.split is None else {"law": ISOTONIC.name, "splits": found}
        print(json.dumps(finite(told), indent=1, allow_nan=False))
        return 0
    for name, part_found in found.items():
        print(
            f"{f'split {name}: ' if name else ''}{ISOTONIC.name}: {part_found['explained']:.1%} "
            "of the variance of log response"
        )
        print(
            "\n".join(
                f"  {row['x']:12.6g} {row['value']:12.6g}   [{row['low']:.6g}, {row['high']:.6g}]"
                for row in part_found["levels"]
            )
        )
        for verdict in judged[name]:
            print(f"{verdict.axis}: {verdict.word}: {verdict.reason}")
        for note in runs.notes:
            print(f"warning: {note}")
    return 0
