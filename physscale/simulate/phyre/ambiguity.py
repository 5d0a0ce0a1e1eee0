"""Visual ambiguity in PHYRE's world: falls whose outcome depends on less than a pixel (arXiv
2411.02385, section 5.5).

The authors have four lists (data_generator_ambiguity_v0.py, tasks 20000 to 20003), all with a floor
bar and a ball at rest on it: the two bodies of PHYRE's goal, which it paints purple and green. A
red ball falls on the gap between two fixed balls, or on one ball. The lists vary the red ball's
radius (20000), its position (20001), the width of the gap (20002) and the position of the fixed
ball (20003). PHYRE snaps the red ball to whole pixels, so most rows of the first two lists are the
same fall."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from physscale.records.errors import UserError
from physscale.simulate.phyre.parts import Case, Setting, part
from physscale.simulate.phyre.place import BARS_PER_SCENE
from physscale.simulate.phyre.red_ball import from_action
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.ranges import settle

FALLING, FIXED, FLOOR = 0, 2, 5
FIXED_HEIGHT = 0.3
COUNTS = {20000: 101, 20001: 101, 20002: 100, 20003: 100}


@dataclass(frozen=True)
class _Fall:
    """x of the fixed balls; x, y and radius of the red ball, as PHYRE's action."""

    fixed: tuple[float, ...]
    action: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class PhyreAmbiguity(Phyre):
    """One of the four lists, from its first row to its last; `scenes`, `trials` and `seed` have no
    meaning here."""

    name: ClassVar[str] = "phyre_ambiguity"

    templates: tuple[int, ...] = (20000,)

    def __post_init__(self) -> None:
        settle(self, templates=tuple(self.templates))
        if len(self.templates) != 1 or self.templates[0] not in COUNTS:
            raise UserError(
                f"templates={self.templates!r:.60}: name one of {', '.join(map(str, COUNTS))}"
            )

    @property
    def count(self) -> int:
        return COUNTS[self.templates[0]]

    def case(self, index: int) -> Case:
        assert 0 <= index < self.count, f"row {index} of {self.count}"
        template, side = self.templates[0], float(self.scene_px)
        fall = _fall(template, index=index)
        floor = part(FLOOR, "bar", 1.0, dynamic=False, goal="purple", left=0.0, bottom=0.0)
        rests = part(
            FALLING, "ball", 0.1, goal="green", left=0.02 * side, bottom=side / BARS_PER_SCENE
        )
        fixed = (
            part(
                FIXED,
                "ball",
                0.04,
                dynamic=False,
                center_x=side * x,
                center_y=side * FIXED_HEIGHT,
            )
            for x in fall.fixed
        )
        ball = from_action(*fall.action, size_px=self.scene_px)
        assert ball is not None, "these balls lie in the scene"
        return Case(
            Setting(
                template=template, number=index, size_px=self.scene_px, parts=(floor, rests, *fixed)
            ),
            ball,
        )


def _fall(template: int, *, index: int) -> _Fall:
    match template:
        case 20000:
            return _Fall((0.4, 0.5), (0.45, 0.46, float(np.linspace(0.20, 0.25, 101)[index])))
        case 20001:
            return _Fall((0.4,), (float(np.linspace(0.39, 0.41, 101)[index]), 0.46, 0.2))
        case 20002:
            return _Fall((0.46 - 0.0005 * index, 0.54 + 0.0005 * index), (0.5, 0.5, 0.4))
    return _Fall((0.4 + 0.0001 * (index - 50),), (0.4, 0.5, 0.4))
