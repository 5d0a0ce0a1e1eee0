"""Which attribute wins? In training two attributes always go together; here they are crossed. The
generated body is compared with both precedents.

A body with attributes (a, b) that never met in training has two precedents: the trained body with
the same a, and the one with the same b. Each movement is a share of the way from the body's own
value (0) to a precedent's (1): of b towards the first precedent, and of a towards the second. The
outcome is one of five:

    first    b moved more than half of the way and a did not: b followed a's trained partner
    second   a moved more than half of the way and b did not
    kept     neither moved: the combination is drawn as asked
    swapped  both moved
    lost     the body is in view for fewer than three frames

arXiv 2411.02385, section 5.3, reports such outcomes without a threshold."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, UInt8

from physscale.evaluate.mechanisms.attributes import Look, Values, look_of, measured, true_values
from physscale.evaluate.mechanisms.ranking import Duel
from physscale.records.errors import UserError
from physscale.records.rate import Rate, wilson
from physscale.records.video import Videos
from physscale.simulate.scenario import Attribute

Outcome = Literal["first", "second", "kept", "swapped", "lost"]
OUTCOME_NAMES: tuple[Outcome, ...] = ("first", "second", "kept", "swapped", "lost")

NEAR = 0.05
"""Trained bodies have "the same" size or velocity within this share of the trained range."""

LEAST = {"size": 0.1, "velocity": 0.3}
"""m and m/s; a precedent nearer than this is no conflict."""


@dataclass(frozen=True)
class Conflict:
    """How the crossed videos of one pair ended.

    Attributes:
        index: row numbers of the videos that are a conflict.
        outcome: how each of them ended.
        first_moved, second_moved: how far each attribute moved towards the other's precedent; NaN
            where the body is lost.
    """

    pair: tuple[Attribute, Attribute]
    index: np.ndarray
    outcome: np.ndarray
    first_moved: Values
    second_moved: Values

    @property
    def rates(self) -> dict[Outcome, Rate]:
        """Share of each outcome with its Wilson interval."""
        return {
            name: wilson(int((self.outcome == name).sum()), of=len(self.outcome))
            for name in OUTCOME_NAMES
        }

    @property
    def duel(self) -> Duel:
        """How many videos each attribute wins, for `ranking.rank`."""
        return Duel(
            *self.pair, *(int((self.outcome == side).sum()) for side in ("first", "second"))
        )


def conflict(
    truth: Videos,
    frames: Iterable[UInt8[np.ndarray, "some frames size size 3"]],
    *,
    training: Videos,
    pair: tuple[Attribute, Attribute],
    condition_frames: int,
) -> Conflict:
    """The outcome of each crossed video of one body.

    Args:
        truth: rows with the asked combination.
        frames: those of the generated videos, some videos at a time, in the order of the rows.
        training: the training rows; states suffice.

    Raises:
        UserError: if the videos have more than one body, or none of them is a conflict.
    """
    if truth.body.shape[1] != 1 or training.body.shape[1] != 1:
        raise UserError(
            f"attributes: a conflict is of one body, these videos have {truth.body.shape[1]}"
        )
    look = look_of(truth, training=training)
    asked, trained = (true_values(rows, look=look) for rows in (truth, training))
    targets = [
        precedents(asked, trained=trained, keep=keep, move=move)
        for keep, move in (pair[::-1], pair)
    ]
    chosen = np.all(
        [
            _differs(target, own=asked[name], name=name)
            for target, name in zip(targets, pair, strict=True)
        ],
        axis=0,
    )
    if not chosen.any():
        raise UserError(
            f"attributes: no video crosses {pair[0]} and {pair[1]}: training "
            "holds a body like each of them"
        )
    made = _measured(truth, frames, look=look, condition_frames=condition_frames)
    moved = [
        ((made[name] - asked[name]) / np.where(chosen, target - asked[name], 1.0))[chosen]
        for name, target in zip(pair, targets, strict=True)
    ]
    return Conflict(pair, truth.index[chosen], _outcomes(*moved), *moved)


def _measured(
    truth: Videos, frames: Iterable[np.ndarray], *, look: Look, condition_frames: int
) -> dict[Attribute, Values]:
    parts = [
        measured(rows, pixels, look=look, condition_frames=condition_frames)
        for rows, pixels in truth.paired(frames)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def precedents(
    asked: dict[Attribute, np.ndarray],
    *,
    trained: dict[Attribute, np.ndarray],
    keep: Attribute,
    move: Attribute,
) -> Values:
    """The nearest value of `move` among the trained bodies that match the asked one in `keep`."""
    reach = NEAR * np.ptp(trained[keep])
    apart = np.abs(asked[keep][:, None] - trained[keep])
    like = apart <= np.maximum(reach, apart.min(1, keepdims=True) + 1e-9)
    distance = np.where(like, np.abs(asked[move][:, None] - trained[move]), np.inf)
    found: Values = trained[move][distance.argmin(1)]
    return found


def _differs(target: Values, *, own: Values, name: Attribute) -> Bool[np.ndarray, " batch"]:
    return np.abs(target - own) >= LEAST.get(name, 0.5)


def _outcomes(first_moved: Values, second_moved: Values) -> np.ndarray:
    one, other = first_moved > 0.5, second_moved > 0.5
    lost = ~np.isfinite(first_moved) | ~np.isfinite(second_moved)
    table = [lost, one & other, other, one]
    return np.select(table, ["lost", "swapped", "first", "second"], default="kept")
