"""A scenario: the rule that draws scenes, and its answers to the questions of the package.

A new scenario is one frozen dataclass that inherits from `Scenario` (or from `Listing`, if it is a
finite list of scenes) and registers itself with `simulate.spec.SCENARIOS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float32, Int, UInt8

from physscale.records.errors import UserError
from physscale.records.scene import Scene
from physscale.records.video import Videos
from physscale.render.canvas import Style
from physscale.simulate.batch import Batch, Trace
from physscale.simulate.engines.registry import ENGINES
from physscale.simulate.ranges import Ranges

Attribute = Literal["colour", "size", "velocity", "shape"]
GeneratorOfRow = Callable[[int], np.random.Generator]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The default moments of a data set's frames: frame k is at start_s + k · interval_s."""

    frames: int = 16
    interval_s: float = 0.1
    start_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """Which baselines without a model make sense (`evaluate.motion.baselines`).

    Attributes:
        trained_speed_m_s: the speeds that are trained, where every body keeps its first speed until
            the end; `clamp` and `mean_speed` need them. None: these two make no sense.
        polynomial_order: of `extrapolate`; 1 for no acceleration, 2 for a constant one.
    """

    trained_speed_m_s: Ranges | None = None
    polynomial_order: Literal[1, 2] = 1


class Scenario(ABC):
    """The rule that draws scenes: a frozen dataclass whose fields are its values.

    Attributes:
        name: what its rows and the command line call it.
        physics: which laws its bodies obey. The detector looks up its rules by this name
            (`evaluate.abnormal.rules.RULES`) and refuses a physics that has none.
        clock: see `Clock`.
        style: how its frames are drawn by default.
        tracked: whether the bodies of a scene differ in colour, so that tracks can be measured.
        by_name: whether its name alone means a data set: that of its default values.
    """

    name: ClassVar[str]
    physics: ClassVar[str]
    clock: ClassVar[Clock] = Clock()
    style: ClassVar[Style] = "exact"
    tracked: ClassVar[bool] = True
    by_name: ClassVar[bool] = True

    @property
    @abstractmethod
    def engines(self) -> tuple[str, ...]:
        """The engines that can move its bodies (names of `ENGINES`), the default one first."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Scene:
        """One scene from this row's generator."""

    @abstractmethod
    def still(self) -> "Scenario":
        """The motion-free corpus that a codec is fitted on."""

    @property
    def official(self) -> bool:
        """Whether the paper's own evaluation script can score its rows
        (`evaluate.motion.paper_protocol`)."""
        return False

    @property
    def count(self) -> int | None:
        """How many scenes there are; None if the draws never end."""
        return None

    @property
    def default_videos(self) -> int:
        """The default size of a data set."""
        return 1000

    def drawn(self, indices: Sequence[int], *, generator: GeneratorOfRow) -> list[Scene]:
        """The scenes of these rows."""
        return [self.draw(generator(index)) for index in indices]

    def seeded(self, seed: int) -> tuple["Scenario", int]:
        """The scenario and the data set's seed for this seed."""
        return self, seed

    def trace(
        self,
        batch: Batch,
        *,
        engine: str,
        indices: Int[np.ndarray, " batch"],
        clock: Clock,
    ) -> Trace:
        """The motion of these rows.

        Raises:
            UserError: from an engine that cannot move such bodies.
        """
        time_s = clock.start_s + np.arange(clock.frames) * clock.interval_s
        return ENGINES.named(engine).run(batch, time_s=time_s)

    @property
    def coverage(self) -> tuple[Any, ...]:
        """The combinations that it draws from; C is their number. Empty if it has none."""
        return ()

    def covering(self, combinations: tuple[Any, ...]) -> "Scenario":
        """The same scenario on these combinations.

        Raises:
            UserError: where it has none.
        """
        raise UserError(f"axis coverage: scenario {self.name!r} has no combinations to cover")

    @property
    def baselines(self) -> Baselines:
        """The comparisons that make sense."""
        return Baselines()

    @property
    def crossed(self) -> tuple[Attribute, Attribute] | None:
        """The two attributes that go together in training and are crossed in a test."""
        return None

    def from_trained(self, videos: Videos) -> Float32[np.ndarray, "batch 2"] | None:
        """The column `from_trained` of these rows, for a scenario with holes in what is trained."""
        return None

    def own_frames_px(self, engine: str) -> int | None:
        """The side of the frames that this engine paints itself; None if it paints none."""
        return None

    def own_frames(
        self, *, engine: str, indices: Int[np.ndarray, " batch"], clock: Clock
    ) -> UInt8[np.ndarray, "batch frames height width 3"]:
        """The frames that the engine paints itself.

        Raises:
            UserError: where it paints none.
        """
        raise UserError(
            f"engine={engine}: paints no frames of its own for scenario {self.name!r}; "
            "draw them with style=exact"
        )


class Listing(Scenario):
    """A scenario that is a finite list of scenes in a fixed order, as the paper's own files are."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many scenes there are."""

    @abstractmethod
    def scene(self, index: int) -> Scene:
        """The scene of this row."""

    def draw(self, rng: np.random.Generator) -> Scene:
        """Any scene of the list."""
        return self.scene(int(rng.random() * self.count))

    @property
    def default_videos(self) -> int:
        return self.count

    def drawn(self, indices: Sequence[int], *, generator: GeneratorOfRow) -> list[Scene]:
        return [self.scene(index) for index in indices]

    def seeded(self, seed: int) -> tuple[Scenario, int]:
        """A list has no seed."""
        return self, 0
