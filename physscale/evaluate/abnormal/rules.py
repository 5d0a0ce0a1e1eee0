"""The rules that true videos of each physics obey, by the physics' name.

New physics brings its own rules: a class that inherits from `Rules`, registered with `RULES` by the
module that registers the scenario. Physics without rules is refused, never scored by another's.
"""

import functools
import importlib.resources
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from physscale.records.errors import UserError
from physscale.records.json_value import parsed
from physscale.records.registry import PLUGINS, Registry
from physscale.records.video import Videos
from physscale.simulate.spec import kind_of

Scores = Mapping[str, Float[np.ndarray, " batch"]]
"""By rule, one number per video; larger is worse."""

Thresholds = dict[str, dict[str, dict[str, float]]]
"""By physics, frame size and rule."""

THRESHOLDS = importlib.resources.files(__package__).joinpath("thresholds.json")


class Rules(ABC):
    """The rules of one physics.

    Attributes:
        physics: what scenarios declare (`Scenario.physics`).
        floors: per rule, the smallest violation that one can see. No threshold is lower. Without
            calibration, these are the thresholds.
        least_px: the smallest frames that the thresholds were calibrated on.
    """

    physics: ClassVar[str]
    floors: ClassVar[Mapping[str, float]]
    least_px: ClassVar[int] = 32

    @abstractmethod
    def scores(self, videos: Videos) -> Scores:
        """How far each video breaks each rule, from its frames."""

    @abstractmethod
    def places(self, videos: Videos) -> Float[np.ndarray, "batch frames bodies 2"]:
        """Where the bodies are seen, in metres; NaN where one is not."""

    def uncovered(self, videos: Videos) -> str | None:
        """The bodies of these rows that the rules do not cover, in words; None if there are
        none."""
        return None

    def asked(self, videos: Videos) -> tuple[str, ...]:
        """The rules that these bodies can break."""
        return tuple(self.floors)

    def thresholds(self, *, size_px: int) -> Mapping[str, float]:
        """The thresholds of the nearest calibrated frame size, on a logarithmic scale."""
        table = shipped_thresholds().get(self.physics)
        if table is None:
            return self.floors
        return table[min(table, key=lambda size: abs(math.log(int(size) / size_px)))]


def _name_of(rules: Rules) -> str:
    return rules.physics


RULES: Registry[Rules] = Registry(
    "physics", name_of=_name_of, built_in="physscale.evaluate.abnormal.built_in"
)


@functools.cache
def shipped_thresholds() -> Thresholds:
    """The calibrated thresholds that come with the package."""
    found: Thresholds = parsed(THRESHOLDS.read_text())
    return found


def rules_of(videos: Videos) -> Rules:
    """The rules for these rows, by the physics that their scenario declares.

    Raises:
        UserError: for rows without frames, of several physics, of one without rules, or with bodies
            that its rules do not cover.
    """
    if videos.pixels is None:
        raise UserError(
            "detector: these rows hold states and no frames; `physscale simulate NAME --size 64` "
            "stores frames"
        )
    scenario, physics = _physics(videos)
    found = RULES.entries()
    if physics not in found:
        raise UserError(
            f"detector: scenario {scenario!r} has physics {physics!r}, for which there are "
            f"no rules (there are: {', '.join(sorted(found))}); register Rules of your own in a "
            f"module named in {PLUGINS}, see docs/extend/pendulum.md"
        )
    rules = found[physics]
    uncovered = rules.uncovered(videos)
    if uncovered is not None:
        raise UserError(
            f"detector: scenario {scenario!r} has {uncovered}, which the rules of "
            f"{rules.physics} do not cover"
        )
    return rules


def covers(videos: Videos, *, size_px: int) -> bool:
    """Whether there are rules for the physics of these rows, their bodies, and frames of this size.

    Raises:
        UserError: for rows of several physics, or of a scenario that nothing registered.
    """
    _, physics = _physics(videos)
    rules = RULES.entries().get(physics)
    return rules is not None and size_px >= rules.least_px and rules.uncovered(videos) is None


def _physics(videos: Videos) -> tuple[str, str]:
    """The first scenario of these rows, and the one physics of all.

    Raises:
        UserError: for several physics, or a scenario that nothing registered.
    """
    scenarios = sorted({str(name) for name in videos.scenario})
    physics = sorted({kind_of(name).physics for name in scenarios})
    if len(physics) != 1:
        raise UserError(
            f"detector: these rows are of several physics ({', '.join(physics)}); give them one by "
            "one"
        )
    return scenarios[0], physics[0]
