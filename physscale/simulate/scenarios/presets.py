"""Every data set of the paper by name (arXiv 2411.02385; sizes, bands and holes from its text, figures and repository).

`uniform_30k … collision_eval` are the official files row by row; the others are scenarios that draw, with the paper's ranges.
"""

import itertools
from dataclasses import replace
from typing import get_args

from physscale.simulate.ranges import Ranges
from physscale.simulate.scenarios.attributes import HELD, SEEN, Attribute, Attributes
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.gap import AmbiguousGap
from physscale.simulate.scenarios.holes import CollisionHoles, Rectangles
from physscale.simulate.scenarios.paper import PaperSet, PartName
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import AnyDirection, UniformMotion
from physscale.simulate.scenarios.wall import SpatialComposition, TemporalComposition
from physscale.simulate.spec import Scenario

GAPS: dict[str, Ranges] = {
    "gap_1.25_3.75": ((1.0, 1.25), (3.75, 4.0)),
    "gap_1.5_3.5": ((1.0, 1.5), (3.5, 4.0)),
    "gap_1.75_3.25": ((1.0, 1.75), (3.25, 4.0)),
    "gap_three_strips": ((1.0, 1.25), (2.375, 2.625), (3.75, 4.0)),
    "gap_four_strips": ((1.0, 1.25), (1.875, 2.125), (2.875, 3.125), (3.75, 4.0)),
}

HOLES: dict[str, Rectangles] = {
    "hole_2_3": (((2.0, 3.0), (2.0, 3.0)),),
    "hole_three_squares": (((1.2, 2.2), (2.7, 3.7)), ((2.7, 3.7), (1.2, 2.2)), ((2.9, 3.5), (3.3, 3.9))),
    "hole_1.25_3.75": (((1.25, 3.75), (1.25, 3.75)),),
    "hole_1.1_3.9": (((1.1, 3.9), (1.1, 3.9)),),
    "hole_l_shape": (((1.25, 4.0), (1.25, 4.0)),),
}
MASS_HOLE: Rectangles = (((0.8, 1.2), (0.8, 1.2)),)

PAPER_COLLISION = Collision(left_radius_m=((0.5, 1.5),), right_radius_m=((0.5, 1.5),))
"""Radii as the code draws them for collisions; its text says 0.7 to 1.5 for all laws."""

TEXT_RADIUS: Ranges = ((0.7, 1.5),)
ATTRIBUTE_PAIRS: tuple[tuple[Attribute, Attribute], ...] = (
    ("colour", "shape"),
    ("size", "shape"),
    ("velocity", "shape"),
    ("velocity", "size"),
    ("colour", "size"),
    ("colour", "velocity"),
)


def _presets() -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for part in get_args(PartName):
        for law in ("uniform", "parabola"):
            found[f"{law}_{part.lower()}"] = PaperSet(law=law, part=part)
            if part != "eval":
                found[f"{law}_{part.lower()}_grid"] = PaperSet(law=law, part=part, values="grid")
        found[f"collision_{part.lower()}"] = PaperSet(law="collision", part=part)
    found |= {f"uniform_{way}": UniformMotion(direction=way) for way in ("right", "left", "up", "down")}
    found |= {"uniform_flip": UniformMotion(direction="both")}
    found |= {"uniform_text_radius": UniformMotion(radius_m=TEXT_RADIUS), "parabola_text_radius": Parabola(radius_m=TEXT_RADIUS)}
    found |= {
        "collision_code_radius": PAPER_COLLISION,
        "collision_text_radius": Collision(left_radius_m=TEXT_RADIUS, right_radius_m=TEXT_RADIUS),
    }
    one_way: AnyDirection = "right"
    for name, bands in GAPS.items():
        found[name] = UniformMotion(speed_m_s=bands, direction=one_way)
        inside = tuple((left[1], right[0]) for left, right in itertools.pairwise(bands))
        found[f"{name}_inside"] = UniformMotion(speed_m_s=inside, direction=one_way)
    holes = {name: CollisionHoles(holes=rectangles, base=PAPER_COLLISION) for name, rectangles in HOLES.items()}
    holes["hole_mass_0.8_1.2"] = CollisionHoles(holes=MASS_HOLE, plane="radius", base=PAPER_COLLISION)
    found |= holes | {f"{name}_inside": replace(hole, side="inside") for name, hole in holes.items()}
    return found | _attributes() | _compositions()


def _attributes() -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for pair in ATTRIBUTE_PAIRS:
        graded = Attributes(pair=pair)
        for name, scenario in ((f"{pair[0]}_{pair[1]}", graded), (f"{pair[0]}_{pair[1]}_binary", replace(graded, steps="binary"))):
            if name != "colour_shape_binary":  # neither has steps between
                found[f"{name}_seen"] = scenario
                found[f"{name}_held"] = replace(scenario, combinations=HELD)
    ring = Attributes(pair=("colour", "shape"), other_shape="ring", combinations=HELD)
    found |= {"ring_seen": ring, "ring_held": replace(ring, combinations=SEEN)}
    control = Attributes(pair=("colour", "velocity"))
    return found | {
        "control_red_slow": replace(control, combinations=((0, 0),)),
        "control_blue_fast": replace(control, combinations=((1, 1),)),
    }


def _compositions() -> dict[str, Scenario]:
    fast, slow = ((2.5, 4.0),), ((1.0, 2.5),)
    return {
        "memory_noflip": UniformMotion(speed_m_s=fast, direction="right"),
        "memory_flip": UniformMotion(speed_m_s=fast, direction="both"),
        "memory_test": UniformMotion(speed_m_s=slow, direction="right"),
        "spatial_seen": SpatialComposition(),
        "spatial_held": SpatialComposition(moving=("both",)),
        "temporal_seen": TemporalComposition(),
        "temporal_held": TemporalComposition(parts=("both",)),
        "ambiguous_gap": AmbiguousGap(),
    }


PRESETS = _presets()
