"""Every data set of the paper by name (arXiv 2411.02385; sizes, bands and holes from its text,
figures and repository).

`uniform_30k … collision_eval` and `paper_…` are the official files row by row, with their flaws;
the others draw new scenes from the paper's ranges: `collision_both` with those of its text,
`collision_code_both` with those of its code where the two differ."""

import itertools
from dataclasses import replace
from typing import get_args

from physscale.simulate.paper.grids import Motion
from physscale.simulate.paper.listed_files import FILES, PaperFile
from physscale.simulate.paper.partitions import (
    CODE_RADIUS_M,
    PAPER_PARABOLA,
    collision_partitions,
    partitions,
)
from physscale.simulate.paper.sets import GROUPS, PaperSet, PartName
from physscale.simulate.ranges import Ranges
from physscale.simulate.scenario import Attribute, Scenario
from physscale.simulate.scenarios.attributes import HELD, SEEN, Attributes
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.gap import AmbiguousGap
from physscale.simulate.scenarios.holes import PAPER_COLLISION, papers_holes
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import AnyDirection, UniformMotion
from physscale.simulate.scenarios.wall import SpatialComposition, TemporalComposition

GAPS: dict[str, Ranges] = {
    "gap_1.25_3.75": ((1.0, 1.25), (3.75, 4.0)),
    "gap_1.5_3.5": ((1.0, 1.5), (3.5, 4.0)),
    "gap_1.75_3.25": ((1.0, 1.75), (3.25, 4.0)),
    "gap_three_strips": ((1.0, 1.25), (2.375, 2.625), (3.75, 4.0)),
    "gap_four_strips": ((1.0, 1.25), (1.875, 2.125), (2.875, 3.125), (3.75, 4.0)),
}

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
    found |= {
        f"uniform_{way}": UniformMotion(direction=way) for way in ("right", "left", "up", "down")
    }
    found |= {
        f"uniform_eval_{way}": PaperSet(law="uniform", way=way) for way in ("left", "up", "down")
    }
    found |= {
        f"{law}_eval_{group}": PaperSet(law=law, group=group)
        for law in get_args(Motion)
        for group in GROUPS
    }
    found["uniform_eval_grid"] = PaperSet(law="uniform", values="grid")
    found |= {
        "uniform_flip": UniformMotion(direction="both"),
        "parabola_flip": Parabola(direction="both"),
        "collision_flip": Collision(direction="both"),
    }
    found |= {
        "uniform_text_radius": UniformMotion(radius_m=TEXT_RADIUS),
        "parabola_text_radius": Parabola(radius_m=TEXT_RADIUS),
    }
    found |= {
        "collision_code_radius": PAPER_COLLISION,
        "collision_text_radius": Collision(left_radius_m=TEXT_RADIUS, right_radius_m=TEXT_RADIUS),
    }
    one_way: AnyDirection = "right"
    for name, bands in GAPS.items():
        found[name] = UniformMotion(speed_m_s=bands, direction=one_way)
        inside = tuple((left[1], right[0]) for left, right in itertools.pairwise(bands))
        found[f"{name}_inside"] = UniformMotion(speed_m_s=inside, direction=one_way)
    holes = papers_holes()
    found |= holes | {
        f"{name}_inside": replace(hole, side="inside") for name, hole in holes.items()
    }
    return (
        found
        | _partitions()
        | _attributes()
        | _compositions()
        | {f"paper_{file}": PaperFile(file=file) for file in FILES}
    )


def _partitions() -> dict[str, Scenario]:
    """What is in and out of distribution, with the text's ranges, and for collisions with the
    code's as well."""
    found: dict[str, Scenario] = {}
    for law, one in (
        ("uniform", partitions(UniformMotion(direction="right"))),
        ("parabola", partitions(PAPER_PARABOLA)),
    ):
        found |= {f"{law}_{name}": scenario for name, scenario in one.items()}
    for law, two in (
        ("collision", collision_partitions(Collision())),
        ("collision_code", collision_partitions(PAPER_COLLISION, radius_m=CODE_RADIUS_M)),
    ):
        found |= {f"{law}_{name}": scenario for name, scenario in two.items()}
    return found


def _attributes() -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for pair in ATTRIBUTE_PAIRS:
        graded = Attributes(pair=pair)
        for name, scenario in (
            (f"{pair[0]}_{pair[1]}", graded),
            (f"{pair[0]}_{pair[1]}_binary", replace(graded, steps="binary")),
        ):
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
