"""The speeds and radii of the official data sets (arXiv 2411.02385, id_ood_data of its repository),
in their own order.

A set is a list of (r, v) or (r₁, r₂, v₁, v₂): crossed lists of values, shuffled by NumPy's legacy
generator with seed 42. `random` lists are what the published uniform and parabola files hold (their
v ends at 1.0152 and 3.9702 for 30K), `grid` lists what the repository's head draws; collision is a
grid in both. Ranges are the code's; the text's are in `simulate.paper.partitions`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Motion = Literal["uniform", "parabola", "collision"]
Level = Literal["30K", "300K", "3M"]
Values = Literal["random", "grid"]

SEED = 42
SPEED_M_S = (1.0, 4.0)
LOW_SPEED_M_S, HIGH_SPEED_M_S = (0.0, 0.8), (4.5, 6.0)
RADIUS_M = {"uniform": (0.7, 1.4), "parabola": (0.7, 1.4), "collision": (0.5, 1.5)}
LOW_RADIUS_M = {"uniform": (0.3, 0.6), "parabola": (0.3, 0.6), "collision": (0.3, 0.4)}
HIGH_RADIUS_M = {"uniform": (1.5, 2.0), "parabola": (1.5, 2.0), "collision": (1.7, 2.0)}

ONE_BALL: dict[Level, tuple[int, int]] = {
    "30K": (300, 100),
    "300K": (1000, 300),
    "3M": (3000, 1000),
}
TWO_BALLS: dict[Level, tuple[int, int]] = {"30K": (21, 8), "300K": (41, 14), "3M": (71, 26)}


@dataclass(frozen=True)
class Part:
    """A named block of a set: rows of (r, v) or (r₁, r₂, v₁, v₂)."""

    name: str
    rows: Float[np.ndarray, "rows values"]


def crossed(
    rng: np.random.RandomState, axes: Sequence[np.ndarray]
) -> Float[np.ndarray, "rows values"]:
    """All combinations, the first axis slowest, shuffled in place."""
    order = np.arange(int(np.prod([len(axis) for axis in axes])))
    rng.shuffle(order)
    return np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")], axis=1)[order]


def training_set(law: Motion, *, level: Level, values: Values) -> Part:
    """The 30K, 300K or 3M rows of a law, before any filter."""
    rng = np.random.RandomState(SEED)
    if law == "collision":
        speeds, radii = TWO_BALLS[level]
        v, r = np.linspace(*SPEED_M_S, speeds), np.linspace(*RADIUS_M[law], radii)
        return Part("train", crossed(rng, (r, r, v, v)))
    speeds, radii = ONE_BALL[level]
    if values == "random":
        v = np.sort(rng.rand(speeds) * (SPEED_M_S[1] - SPEED_M_S[0]) + SPEED_M_S[0])
        r = np.sort(rng.rand(radii) * (RADIUS_M[law][1] - RADIUS_M[law][0]) + RADIUS_M[law][0])
    else:
        v, r = np.linspace(*SPEED_M_S, speeds), np.linspace(*RADIUS_M[law], radii)
    return Part("train", crossed(rng, (r, v)))


# one ball: block -> (id speeds, id radii, ood speeds, ood radii) of each law
_COUNTS = {
    "uniform": {"low": (8, 8, 16, 8), "high": (16, 10, 16, 8)},
    "parabola": {"low": (4, 4, 16, 8), "high": (16, 10, 16, 8)},
}


def evaluation_set(law: Motion, *, values: Values) -> tuple[Part, ...]:
    """The blocks of the evaluation file in their order, before any filter: 1,152, 1,056 and 2,462
    rows are published. The code's head makes 3,992 of uniform motion (`grid`): more of them are in
    distribution."""
    if law == "collision":
        return _two_ball_evaluation()
    head = law == "uniform" and values == "grid"
    return _one_ball_evaluation(law, speeds=100 if head else 16, radii=30 if head else 10)


def _one_ball_evaluation(law: Motion, *, speeds: int, radii: int) -> tuple[Part, ...]:
    """The blocks of one ball, with so many speeds and radii in distribution."""
    rng = np.random.RandomState(SEED)
    low_v, high_v = np.linspace(*LOW_SPEED_M_S, 16), np.linspace(*HIGH_SPEED_M_S, 16)
    low_r, high_r = np.linspace(*LOW_RADIUS_M[law], 8), np.linspace(*HIGH_RADIUS_M[law], 8)
    inside = np.linspace(*RADIUS_M[law], radii), np.linspace(*SPEED_M_S, speeds)
    parts = [Part("id", crossed(rng, inside))]
    for side, ood_v, ood_r in (("low", low_v, low_r), ("high", high_v, high_r)):
        id_speeds, id_radii, _, _ = _COUNTS[law][side]
        v, r = np.linspace(*SPEED_M_S, id_speeds), np.linspace(*RADIUS_M[law], id_radii)
        parts.append(Part(f"radius_{side}", crossed(rng, (ood_r, v))))
        parts.append(Part(f"speed_{side}", crossed(rng, (r, ood_v))))
        parts.append(Part(f"both_{side}", crossed(rng, (ood_r, ood_v))))
    parts.append(Part("cross_fast_small", crossed(rng, (low_r, high_v))))
    parts.append(Part("cross_slow_large", crossed(rng, (high_r, low_v))))
    return tuple(parts)


def _two_ball_evaluation() -> tuple[Part, ...]:
    rng = np.random.RandomState(SEED)
    radius, speed = RADIUS_M["collision"], SPEED_M_S
    low_v, high_v = np.linspace(*LOW_SPEED_M_S, 4), np.linspace(*HIGH_SPEED_M_S, 4)
    low_r = np.linspace(*LOW_RADIUS_M["collision"], 3)
    high_r = np.linspace(*HIGH_RADIUS_M["collision"], 4)
    r4 = np.linspace(*radius, 4)
    v4 = np.linspace(*speed, 4)
    r = np.linspace(*radius, 3)
    v = np.linspace(*speed, 3)
    parts = [Part("id", crossed(rng, (r4, r4, v4, v4)))]
    for side, ood_v, ood_r in (("low", low_v, low_r), ("high", high_v, high_r)):
        levels = {
            "radius_one": (ood_r, r, v, v),
            "speed_one": (r, r, ood_v, v),
            "radius": (ood_r, ood_r, v, v),
            "speed": (r, r, ood_v, ood_v),
            "both_one": (ood_r, r, ood_v, v),
            "both": (ood_r, ood_r, ood_v, ood_v),
        }
        parts += [Part(f"{name}_{side}", crossed(rng, axes)) for name, axes in levels.items()]
    parts.append(Part("cross_radius", crossed(rng, (low_r, high_r, v, v))))
    parts.append(Part("cross_speed", crossed(rng, (r, r, low_v, high_v))))
    parts.append(Part("cross_both", crossed(rng, (low_r, high_r, low_v, high_v))))
    parts.append(Part("cross_both_mirrored", crossed(rng, (high_r, low_r, low_v, high_v))))
    return tuple(parts)


def names(parts: Sequence[Part]) -> np.ndarray:
    """The block of each row, an `object` array."""
    return np.repeat(
        np.array([part.name for part in parts], object), [len(part.rows) for part in parts]
    )
