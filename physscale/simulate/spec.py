"""What a data set is: a pure function of (scenario, seed, draw, row index).

Row i has a generator of its own: Philox (counter-based; Salmon et al., SC'11) with `key =
SHA-256(scenario, seed, draw)` and `counter = i`. So a data set of 1,000 videos is the beginning of
the one of 10,000, and neither worker count nor block size can change a row."""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from physscale.records.errors import UserError
from physscale.records.registry import Registry
from physscale.records.scene import Scene
from physscale.records.spec import canonical, written_name
from physscale.records.store import checked_name
from physscale.simulate.ranges import settle


@runtime_checkable
class Scenario(Protocol):
    """The rule that draws scenes: a frozen dataclass of `simulate/scenarios/`."""

    name: ClassVar[str]

    def draw(self, rng: np.random.Generator) -> Scene:
        """One scene from this row's generator."""
        ...


SCENARIOS: Registry[type] = Registry(
    "scenario",
    name_of=written_name,
    built_in="physscale.simulate.scenarios.registry",
    protocol=Scenario,
)
"""Every kind of scenario, by its class's name."""


@runtime_checkable
class Listed(Protocol):
    """A scenario that is a finite list of scenes in a fixed order, as the paper's own files are."""

    @property
    def count(self) -> int:
        """How many scenes there are."""
        ...

    def scene(self, index: int) -> Scene:
        """The scene of this row."""
        ...


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """A data set: the first `videos` rows of an endless sequence.

    Attributes:
        frames, interval_s, start_s: frame k shows t = start_s + k · interval_s (the paper's files
            start at 0.01 s).
        draw: part of the generator's key, so that a judge ("held_out") never equals a training row.
        split: the name under which scores are reported.
    """

    NEUTRAL: ClassVar[dict[str, Any]] = {"start_s": 0.0}

    scenario: Scenario
    videos: int
    frames: int = 16
    interval_s: float = 0.1
    seed: int = 0
    draw: Literal["train", "held_out"] = "train"
    engine: Literal["analytic", "pymunk", "box2d", "phyre"] = "analytic"
    split: str = "train"
    start_s: float = 0.0

    def __post_init__(self) -> None:
        if self.videos < 1 or self.frames < 1:
            raise UserError(f"videos={self.videos}, frames={self.frames}: both must be at least 1")
        if not self.interval_s > 0:
            raise UserError(f"interval_s={self.interval_s}: frames must be a positive time apart")
        if self.seed < 0:
            raise UserError(f"seed={self.seed}: use 0 or more")
        if not self.start_s >= 0:
            raise UserError(
                f"start_s={self.start_s}: the first frame shows a moment of 0 s or later"
            )
        if isinstance(self.scenario, Listed) and self.videos > self.scenario.count:
            raise UserError(
                f"videos={self.videos}: scenario {self.scenario.name!r} is a list of "
                f"{self.scenario.count} scenes"
            )
        settle(self, interval_s=float(self.interval_s), start_s=float(self.start_s))
        checked_name(self.split, what="split")


def row_key(data: DataSpec) -> int:
    """The Philox key (128 bits) shared by all rows of a data set."""
    text = "\n".join((canonical(data.scenario), str(data.seed), data.draw))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def row_generator(key: int, *, index: int) -> np.random.Generator:
    """The generator of one row; rows are 2^192 draws apart."""
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, index]))
