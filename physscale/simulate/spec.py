"""What a data set is: a pure function of (scenario, seed, draw, row index).

Row i has a generator of its own: Philox (counter-based; Salmon et al., SC'11) with `key =
SHA-256(scenario, seed, draw)` and `counter = i`. So a data set of 1,000 videos is the beginning of
the one of 10,000, and neither worker count nor block size can change a row."""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from physscale.records.errors import UserError
from physscale.records.limits import BILLION, LARGEST_SEED, MILLION, Limits, Range, check_limits
from physscale.records.registry import PLUGINS, Registry
from physscale.records.spec import canonical, written_name
from physscale.records.store import checked_name
from physscale.simulate.ranges import settle
from physscale.simulate.scenario import Clock, Scenario

DECLARED = ("name", "physics")


def _name_of(kind: type[Scenario]) -> str:
    """The name that it is written under, once it has declared what every scenario declares."""
    if not issubclass(kind, Scenario):
        raise UserError(
            f"scenario {kind.__name__}: is no physscale.simulate.scenario.Scenario; inherit from it"
        )
    for answer in DECLARED:
        if answer not in dir(kind):
            raise UserError(
                f"scenario {kind.__name__}: declares no {answer}; "
                f"write {answer}: ClassVar[str] = ..."
            )
    return written_name(kind)


SCENARIOS: Registry[type[Scenario]] = Registry(
    "scenario",
    name_of=_name_of,
    built_in="physscale.simulate.scenarios.registry",
    protocol=Scenario,
)
"""Every kind of scenario, by its class's name."""


def kind_of(scenario: str) -> type[Scenario]:
    """The kind of scenario of rows whose column `scenario` holds this name.

    Raises:
        UserError: for a name that no scenario declares.
    """
    kinds = {kind.name: kind for kind in SCENARIOS.entries().values()}
    if scenario not in kinds:
        raise UserError(
            f"scenario {scenario[:80]!r} is unknown; rows hold one of {', '.join(sorted(kinds))}; "
            f"name the module that registers another one in {PLUGINS}"
        )
    return kinds[scenario]


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """A data set: the first `videos` rows of an endless sequence.

    Attributes:
        frames, interval_s, start_s: frame k shows t = start_s + k · interval_s (the paper's files
            start at 0.01 s).
        draw: part of the generator's key, so that a held-out row never equals a training row.
        engine: one of the scenario's `engines`; its first one unless given.
        split: the name under which scores are reported.
    """

    NEUTRAL: ClassVar[dict[str, Any]] = {"start_s": 0.0}
    LIMITS: ClassVar[Limits] = {
        "videos": Range(1, BILLION),
        "frames": Range(1, 10_000),
        "interval_s": Range(1e-6, 1000),
        "seed": Range(0, LARGEST_SEED),
        "start_s": Range(0, MILLION),
    }

    scenario: Scenario
    videos: int
    frames: int = 16
    interval_s: float = 0.1
    seed: int = 0
    draw: Literal["train", "held_out"] = "train"
    engine: str = ""
    split: str = "train"
    start_s: float = 0.0

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="")
        count, engines = self.scenario.count, self.scenario.engines
        if count is not None and self.videos > count:
            raise UserError(
                f"videos={self.videos}: scenario {self.scenario.name!r} is a list of {count} scenes"
            )
        if self.engine and self.engine not in engines:
            raise UserError(
                f"engine {self.engine[:40]!r}: scenario {self.scenario.name!r} runs on "
                f"{', '.join(engines)}"
            )
        settle(self, engine=self.engine or engines[0])
        settle(self, interval_s=float(self.interval_s), start_s=float(self.start_s))
        checked_name(self.split, what="split")

    @property
    def clock(self) -> Clock:
        """The moments of its frames."""
        return Clock(frames=self.frames, interval_s=self.interval_s, start_s=self.start_s)


def row_key(data: DataSpec) -> int:
    """The Philox key (128 bits) shared by all rows of a data set."""
    text = "\n".join((canonical(data.scenario), str(data.seed), data.draw))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def row_generator(key: int, *, index: int) -> np.random.Generator:
    """The generator of one row; rows are 2^192 draws apart."""
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, index]))
