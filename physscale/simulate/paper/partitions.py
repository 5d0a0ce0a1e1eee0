"""The paper's partitions as scenarios: what is in and what is out of distribution (arXiv
2411.02385, appendix C.1).

ID: speeds [1, 4] m/s, radii [0.7, 1.4] m (as its code draws them; its text says 1.5). OOD: speeds
[0, 0.8] ∪ [4.5, 6], radii [0.3, 0.6] ∪ [1.5, 2]. A partition is named by what left the trained
range: `radius`, `speed`, `both`; `_low` and `_high` are one side of it; the two `cross` sets put
one on its low side and the other on its high side; `zero` is a ball at rest."""

from collections.abc import Mapping
from dataclasses import replace

from physscale.simulate.ranges import Ranges
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import UniformMotion

PAPER_PARABOLA = Parabola(gravity_m_s2=2.5, top_gap_m=((0.5, 1.5),), stay_s=2.4)
"""The throw of the paper's own code, for its 32 frames: slower fall, more head room, at least 24
frames in view."""

SPEED_M_S: Mapping[str, Ranges] = {
    "id": ((1.0, 4.0),),
    "low": ((0.0, 0.8),),
    "high": ((4.5, 6.0),),
    "ood": ((0.0, 0.8), (4.5, 6.0)),
    "zero": ((0.0, 0.0),),
}
RADIUS_M: Mapping[str, Ranges] = {
    "id": ((0.7, 1.4),),
    "low": ((0.3, 0.6),),
    "high": ((1.5, 2.0),),
    "ood": ((0.3, 0.6), (1.5, 2.0)),
}

CODE_RADIUS_M: Mapping[str, Ranges] = {
    "id": ((0.5, 1.5),),
    "low": ((0.3, 0.4),),
    "high": ((1.7, 2.0),),
    "ood": ((0.3, 0.4), (1.7, 2.0)),
}
"""Of collisions, as the official code draws them."""

# name -> (speed, radius)
SINGLE: Mapping[str, tuple[str, str]] = {
    "id": ("id", "id"),
    "radius": ("id", "ood"),
    "speed": ("ood", "id"),
    "both": ("ood", "ood"),
    "zero": ("zero", "id"),
    "radius_low": ("id", "low"),
    "radius_high": ("id", "high"),
    "speed_low": ("low", "id"),
    "speed_high": ("high", "id"),
    "both_low": ("low", "low"),
    "both_high": ("high", "high"),
    "cross_fast_small": ("high", "low"),
    "cross_slow_large": ("low", "high"),
}

# name -> (left speed, right speed, left radius, right radius): the paper's six levels, "one" is the
# left ball's
PAIR: Mapping[str, tuple[str, str, str, str]] = {
    "id": ("id", "id", "id", "id"),
    "radius_one": ("id", "id", "ood", "id"),
    "speed_one": ("ood", "id", "id", "id"),
    "radius": ("id", "id", "ood", "ood"),
    "speed": ("ood", "ood", "id", "id"),
    "both_one": ("ood", "id", "ood", "id"),
    "both": ("ood", "ood", "ood", "ood"),
    "zero": ("zero", "id", "id", "id"),
    "radius_low": ("id", "id", "low", "low"),
    "radius_high": ("id", "id", "high", "high"),
    "speed_low": ("low", "low", "id", "id"),
    "speed_high": ("high", "high", "id", "id"),
    "both_low": ("low", "low", "low", "low"),
    "both_high": ("high", "high", "high", "high"),
    "cross_radius": ("id", "id", "low", "high"),
    "cross_speed": ("low", "high", "id", "id"),
}


def partitions(scenario: UniformMotion | Parabola) -> dict[str, UniformMotion | Parabola]:
    """The scenario with the speeds and radii of each partition, by name; everything else stays as
    it is."""
    return {
        name: replace(scenario, speed_m_s=SPEED_M_S[speed], radius_m=RADIUS_M[radius])
        for name, (speed, radius) in SINGLE.items()
    }


def collision_partitions(
    scenario: Collision, *, radius_m: Mapping[str, Ranges] = RADIUS_M
) -> dict[str, Collision]:
    """The same for two balls. Pairs too fast and large to meet after the conditioning frames are
    drawn again (see `Collision`).

    Args:
        radius_m: the text's radii, or those of the official code (`CODE_RADIUS_M`).
    """
    return {
        name: replace(
            scenario,
            left_speed_m_s=SPEED_M_S[left_speed],
            right_speed_m_s=SPEED_M_S[right_speed],
            left_radius_m=radius_m[left_radius],
            right_radius_m=radius_m[right_radius],
        )
        for name, (left_speed, right_speed, left_radius, right_radius) in PAIR.items()
    }
