"""What a PHYRE scene is made of, in PHYRE's own terms: builder calls and the moves that put each
body in its place.

The same description goes to the real PHYRE, whose `TaskCreator` follows it literally, and to
`phyre.place`, which repeats its arithmetic. Lengths are pixels of the scene, y up; angles of moves
are degrees, as PHYRE's setters take them."""

from dataclasses import dataclass
from typing import Literal, cast

PIXELS_PER_METRE = 6.0
"""Compiled into PHYRE: its world is `size_px / 6` metres wide."""

STEPS_PER_SECOND = 60
SIZES_PX = (128, 256, 512)
MOST_PARTS = 13
"""A chain of up to 7 static balls, up to 4 standing bars, and one body for each of the other two
kinds."""

What = Literal["ball", "bar", "jar", "standingsticks"]
GoalColour = Literal["green", "purple"]
Move = Literal["angle", "left", "right", "bottom", "center_x", "center_y"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One body: `TaskCreator.add("dynamic ball", scale)` and then `set_<move>(value)` in this
    order.

    Attributes:
        kind: index into `templates.OBJECTS`.
        scale: fraction of the scene, in (0, 1).
        moves: px, or degrees for `angle`.
        goal: its colour where it is a body of PHYRE's goal and the goal is shown; other bodies are
            grey, or black where they never move.
    """

    kind: int
    what: What
    dynamic: bool
    scale: float
    moves: tuple[tuple[Move, float], ...]
    goal: GoalColour | None = None


def part(
    kind: int,
    what: What,
    scale: float,
    *,
    dynamic: bool = True,
    goal: GoalColour | None = None,
    **moves: float,
) -> Part:
    """The body with these moves, in the order in which they are given."""
    steps = tuple((cast(Move, name), float(value)) for name, value in moves.items())
    return Part(kind=kind, what=what, dynamic=dynamic, scale=float(scale), moves=steps, goal=goal)


@dataclass(frozen=True, kw_only=True)
class RedBall:
    """The ball of one trial, as PHYRE's user input."""

    x_px: float
    y_px: float
    radius_px: float


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One scene of a template without its red ball: what its trials share."""

    template: int
    number: int
    size_px: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Case:
    """One row: a scene and the ball of one trial."""

    setting: Setting
    ball: RedBall
