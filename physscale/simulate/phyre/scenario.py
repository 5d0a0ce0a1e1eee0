"""The combinatorial scenes as a finite list: templates × 100 scenes × 1,000 trials, in an order
whose every prefix is balanced.

Row i is template i mod T, scene (i div T) mod S, trial i div (T·S): a data set of n·T rows has n of
each template, and the first T·S rows are one trial of every scene. Trials 0–989 are for training,
990–999 of the same scenes are the in-template evaluation, and the ten reserved templates the one
out of template (arXiv 2411.02385, section 4)."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int, UInt8

from physscale.records.errors import UserError
from physscale.records.limits import LARGEST_SEED, Range, check_limits
from physscale.records.scene import Scene
from physscale.simulate.batch import Batch, Trace
from physscale.simulate.phyre.parts import SIZES_PX, Case
from physscale.simulate.phyre.recipes import setting
from physscale.simulate.phyre.red_ball import red_ball
from physscale.simulate.phyre.rows import scene_of
from physscale.simulate.phyre.simulate import CLOCK, SOURCES, painted, traced
from physscale.simulate.phyre.templates import RESERVED, SIX, checked_templates
from physscale.simulate.ranges import settle
from physscale.simulate.scenario import Clock, Listing, Scenario
from physscale.simulate.spec import DataSpec

SCENES, TRIALS = 100, 1000
TRAINING, EVALUATION = (0, 990), (990, 1000)


@dataclass(frozen=True, kw_only=True)
class Phyre(Listing):
    """Red ball and four of eight kinds of object in PHYRE's world; engines `box2d` (in process) and
    `phyre` (the real one).

    Attributes:
        templates: see `templates.COVERAGES`.
        scenes, trials: numbers from the first up to, not including, the second.
        scene_px: side of the scene. The view is 10 m wide in rows, so gravity is 9.8·60 / scene_px
            m/s² there: another size is another physical problem. The paper's is 512.
        seed: of the scenes and trials.
    """

    name: ClassVar[str] = "phyre"
    physics: ClassVar[str] = "phyre"
    clock: ClassVar[Clock] = CLOCK
    by_name: ClassVar[bool] = False
    tracked: ClassVar[bool] = False
    """Its bodies share colours; the paper measures no velocities here either."""

    templates: tuple[int, ...] = SIX
    scenes: tuple[int, int] = (0, SCENES)
    trials: tuple[int, int] = TRAINING
    scene_px: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        settle(
            self,
            templates=checked_templates(self.templates),
            scenes=tuple(self.scenes),
            trials=tuple(self.trials),
        )
        for name, most in (("scenes", SCENES), ("trials", TRIALS)):
            first, end = getattr(self, name)
            if not 0 <= first < end <= most:
                raise UserError(f"{name}=({first}, {end}): needs 0 <= first < end <= {most}")
        if self.scene_px not in SIZES_PX:
            raise UserError(
                f"scene_px={self.scene_px}: PHYRE scenes are {', '.join(map(str, SIZES_PX))} px "
                "wide"
            )
        check_limits(self, {"seed": Range(0, LARGEST_SEED)}, what="")

    @property
    def engines(self) -> tuple[str, ...]:
        return tuple(SOURCES)

    @property
    def count(self) -> int:
        """How many rows the list has."""
        return (
            len(self.templates)
            * (self.scenes[1] - self.scenes[0])
            * (self.trials[1] - self.trials[0])
        )

    @property
    def default_videos(self) -> int:
        return min(self.count, 1000)

    @property
    def coverage(self) -> tuple[int, ...]:
        return self.templates

    def covering(self, combinations: tuple[Any, ...]) -> "Phyre":
        return replace(self, templates=tuple(combinations))

    def seeded(self, seed: int) -> tuple["Phyre", int]:
        """The seed of the scenes and trials; the data set's own stays 0."""
        return replace(self, seed=seed), 0

    def trace(
        self, batch: Batch, *, engine: str, indices: Int[np.ndarray, " batch"], clock: Clock
    ) -> Trace:
        """States padded to the places of a row. No contact moments: PHYRE reports none."""
        cases = [self.case(index) for index in indices.tolist()]
        return traced(cases, engine=engine, clock=clock, size_px=self.scene_px)

    def own_frames_px(self, engine: str) -> int | None:
        return self.scene_px if engine == "phyre" else None

    def own_frames(
        self, *, engine: str, indices: Int[np.ndarray, " batch"], clock: Clock
    ) -> UInt8[np.ndarray, "batch frames height width 3"]:
        if engine != "phyre":
            raise UserError(
                f"engine={engine}: only engine=phyre paints frames of its own; draw these with "
                "style=hard, which is the same"
            )
        cases = [self.case(index) for index in indices.tolist()]
        return painted(cases, clock=clock, size_px=self.scene_px)

    def case(self, index: int) -> Case:
        """The scene and the red ball of a row."""
        assert 0 <= index < self.count, f"row {index} of {self.count}"
        rest, place = divmod(index, len(self.templates))
        trial, number = divmod(rest, self.scenes[1] - self.scenes[0])
        chosen = setting(
            self.templates[place],
            number=self.scenes[0] + number,
            size_px=self.scene_px,
            seed=self.seed,
        )
        return Case(chosen, red_ball(chosen, trial=self.trials[0] + trial, seed=self.seed))

    def scene(self, index: int) -> Scene:
        """The row's bodies at rest, padded like every PHYRE row."""
        case = self.case(index)
        return scene_of(case.setting, ball=case.ball)

    def draw(self, rng: np.random.Generator) -> Scene:
        """A scene from anywhere in the list."""
        return self.scene(int(rng.integers(self.count)))

    def still(self) -> Scenario:
        raise UserError(
            "scenario 'phyre' has no motion-free corpus; fit a codec on the first frames of its "
            "scenes (frames=1)"
        )


def phyre_data(
    scenario: Phyre, *, videos: int | None = None, engine: str = "", split: str = "train"
) -> DataSpec:
    """The data set with the paper's clock; by default all rows of the scenario."""
    return DataSpec(
        scenario=scenario,
        videos=scenario.count if videos is None else videos,
        frames=CLOCK.frames,
        interval_s=CLOCK.interval_s,
        start_s=CLOCK.start_s,
        engine=engine,
        split=split,
    )


def in_template(training: Phyre) -> Phyre:
    """The evaluation that belongs to a training set: the same scenes, trials that it never saw."""
    return replace(training, trials=EVALUATION)


def out_of_template(training: Phyre) -> Phyre:
    """One trial of each scene of the ten reserved templates.

    Raises:
        UserError: where one of them was trained on.
    """
    seen = sorted(set(training.templates) & set(RESERVED))
    if seen:
        raise UserError(
            f"templates: {seen[0]} is reserved for evaluation, so it cannot be trained on and "
            "tested out of template"
        )
    return replace(training, templates=RESERVED, scenes=(0, SCENES), trials=(0, 1))
