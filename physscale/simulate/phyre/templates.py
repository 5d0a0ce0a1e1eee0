"""The 70 templates: which four of eight kinds of object stand in a scene beside the red ball (arXiv
2411.02385, section 4).

All C(8, 4) combinations in lexicographic order, shuffled by Python's `random.Random(4)`; template
10000 + k is entry k. Sixty are for training, ten are reserved for the out-of-template evaluation.
"""

import itertools
import random
from collections.abc import Iterable

from physscale.records.errors import UserError

OBJECTS = (
    "dynamic_ball_1",
    "dynamic_ball_2",
    "static_ball",
    "dynamic_bar",
    "dynamic_standing_bars",
    "static_bar",
    "dynamic_jar",
    "dynamic_standingsticks",
)
RED_BALL = len(OBJECTS)
"""The kind of the ball that changes from trial to trial."""

OBJECTS_PER_TEMPLATE = 4
FIRST = 10000
Slots = tuple[int, ...]


def _table() -> dict[int, Slots]:
    combinations = list(itertools.combinations(range(len(OBJECTS)), OBJECTS_PER_TEMPLATE))
    random.Random(4).shuffle(combinations)
    return {FIRST + place: combination for place, combination in enumerate(combinations)}


TEMPLATES: dict[int, Slots] = _table()
RESERVED = tuple(range(10060, 10070))
SIXTY = tuple(range(10000, 10060))
THIRTY = tuple(range(10000, 10060, 2))
SIX = (10003, 10005, 10016, 10023, 10024, 10053)
"""The unions of the four pairs {0,1}, {2,3}, {4,5}, {6,7}: they cover all 28 pairs of kinds."""

COVERAGES: dict[str, tuple[int, ...]] = {
    "six": SIX,
    "thirty": THIRTY,
    "sixty": SIXTY,
    "reserved": RESERVED,
}


def checked_templates(templates: Iterable[int]) -> tuple[int, ...]:
    """The templates as a tuple, once each exists and none is named twice.

    Raises:
        UserError: naming the template.
    """
    chosen = tuple(templates)
    for template in chosen:
        if template not in TEMPLATES:
            raise UserError(
                f"templates: {template} is none; there are {FIRST} to {FIRST + len(TEMPLATES) - 1}"
            )
    if not chosen or len(set(chosen)) < len(chosen):
        raise UserError("templates: name at least one, and each only once")
    return chosen
