"""Which law does a report use where nobody named one?

The usual power law, unless its intervals miss the largest levels and another law with the same axes
predicts them better. Each law is fitted without the largest levels of each axis and predicts them
(`hold_out`). On 92 public learning curves a power law with a floor has a median RMSLE of .046 and a
bounded law one of .020: the usual law is not the best one everywhere."""

from dataclasses import dataclass

import numpy as np

from analysis.data.table import Runs
from analysis.fit.selection import DRAWS, HoldOut
from analysis.fit.splits import hold_outs
from analysis.laws.law import Law
from analysis.laws.registry import LAWS

_ENOUGH = 0.8
"""Share of held-out points inside the 95 % intervals. With some ten points, a law that is right
rarely has fewer."""

_WINS, _LESS = 2 / 3, 0.9
"""A better law has at most this share of the error at this share of the origins."""

_FEW_DRAWS = 20
"""Of the other laws only the point prediction is read."""

_Held = dict[tuple[str, str, int], HoldOut]
"""By split, axis and origin."""


@dataclass(frozen=True)
class Choice:
    """A law, and a sentence that says why."""

    law: Law
    reason: str


def choose(usual: Law, *, runs: Runs, delta: float | None, floor: float | None) -> Choice:
    """The usual law or a better one, over all splits together."""
    ours = _held_out(usual, runs, delta=delta, floor=floor, draws=DRAWS)
    points = sum(row.held for row in ours.values())
    inside = round(sum(row.coverage * row.held for row in ours.values()))
    if inside >= _ENOUGH * points:
        seen = f": {inside} of {points} held-out points lie inside its intervals" if points else ""
        return Choice(usual, f"The usual law, {usual.name}{seen}.")
    missed = f"only {inside} of {points} held-out points lie inside the intervals of {usual.name}"
    better = []
    for law in _rivals(usual, floor=floor):
        theirs = _held_out(law, runs, delta=delta, floor=floor, draws=_FEW_DRAWS)
        if theirs.keys() >= ours.keys():
            wins = [theirs[at].rmsle < _LESS * row.rmsle for at, row in ours.items()]
            if np.mean(wins) >= _WINS:
                better.append((float(np.median([theirs[at].rmsle for at in ours])), law))
    if not better:
        return Choice(usual, f"The usual law, {usual.name}: {missed}, but no other law is better.")
    error, best = min(better, key=lambda row: row[0])
    was = float(np.median([row.rmsle for row in ours.values()]))
    return Choice(
        best,
        f"Law {best.name}, not the usual one: {missed}, and it predicts them better (median RMSLE "
        f"{error:.3g}, not {was:.3g}); --law chooses another.",
    )


def _rivals(usual: Law, *, floor: float | None) -> list[Law]:
    return [
        law
        for law in LAWS.entries().values()
        if law.name != usual.name
        and law.response == "positive"
        and set(law.axes) == set(usual.axes)
        and (floor is None or law.has_floor)
    ]


def _held_out(
    law: Law, runs: Runs, *, delta: float | None, floor: float | None, draws: int
) -> _Held:
    return {
        (name, row.axis, row.dropped): row
        for name, part in runs.splits().items()
        for row in hold_outs(law, runs=part, delta=delta, floor=floor, draws=draws)
    }
