"""The planted runs of tests/synthetic_study.py: what each run is, and the errors of its model.

Numbers follow the pilot: the ID error falls with D and N, high speeds stay bad, held-out pairs fall
with coverage."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

UNIFORM_SPLITS = (
    ("id", "id", (1.0, 4.0)),
    ("speed_high", "ood", (4.5, 6.0)),
    ("speed_low", "ood", (0.2, 0.8)),
    ("radius", "ood", (1.0, 4.0)),
)
SIZES = (4_200, 14_000, 49_000, 185_000)
AMOUNTS = (30, 100, 300, 1000)
COVERAGES = (6, 12, 18, 30)


@dataclass(frozen=True)
class Planted:
    """One run before it is written: what it is, and the errors of the model by (split, metric)."""

    group: str
    seed: int
    parameters: int
    videos: int
    combinations: int
    scenario: dict[str, object]
    test_splits: tuple[tuple[str, str, tuple[float, float]], ...]
    values: dict[tuple[str, str], float]
    workers: int = 1

    @property
    def fingerprint(self) -> str:
        """A stand-in with the right length."""
        text = f"{self.group}{self.seed}{self.parameters}{self.videos}"
        text += f"{self.combinations}{self.workers}"
        return hashlib.sha256(text.encode()).hexdigest()


def planted_runs(rng: np.random.Generator) -> Iterator[Planted]:
    """All runs of a quickstart-like study."""
    for seed in (0, 1):
        for videos in AMOUNTS:
            yield _uniform(rng, group="data", seed=seed, parameters=SIZES[-1], videos=videos)
        for parameters in SIZES[:-1]:
            yield _uniform(rng, group="size", seed=seed, parameters=parameters, videos=AMOUNTS[-1])
        for combinations in COVERAGES:
            yield _composition(rng, seed=seed, combinations=combinations)
    for group, scenario, splits in (
        (
            "gap",
            _motion([[1.0, 1.25], [3.75, 4.0]], "both"),
            (("id", "id", (1.0, 4.0)), ("gap", "ood", (1.25, 3.75))),
        ),
        (
            "flip",
            _motion([[2.5, 4.0]], "both"),
            (("id", "id", (2.5, 4.0)), ("slow", "ood", (0.1, 2.5))),
        ),
        (
            "noflip",
            _motion([[2.5, 4.0]], "right"),
            (("id", "id", (2.5, 4.0)), ("slow", "ood", (0.1, 2.5))),
        ),
    ):
        values = {(splits[0][0], "velocity_error"): 0.06, (splits[1][0], "velocity_error"): 0.9}
        values |= {(splits[0][0], "loss"): 0.006, (splits[1][0], "loss"): 0.4}
        yield Planted(group, 0, SIZES[-1], 1000, 0, scenario, splits, values)
    for group in ("collision", "parabola"):
        splits = (
            ("id", "id", (1.0, 4.0)),
            ("speed_high", "ood", (4.5, 6.0)),
            ("radius", "ood", (1.0, 4.0)),
        )
        values = {
            (s, m): v
            for s, e in (("id", 0.08), ("speed_high", 0.6), ("radius", 1.1))
            for m, v in (("velocity_error", e), ("loss", e / 8))
        }
        yield Planted(group, 0, SIZES[-1], 2000, 0, {"type": group.title()}, splits, values)
    for workers in (1, 2):
        yield Planted(
            "workers",
            0,
            SIZES[1],
            300,
            0,
            _motion([[1.0, 4.0]], "both"),
            UNIFORM_SPLITS[:1],
            {("id", "loss"): 0.05},
            workers,
        )


def _motion(speeds: list[list[float]], direction: str) -> dict[str, object]:
    return {
        "type": "UniformMotion",
        "speed_m_s": speeds,
        "radius_m": [[0.7, 1.4]],
        "direction": direction,
    }


def _uniform(
    rng: np.random.Generator, *, group: str, seed: int, parameters: int, videos: int
) -> Planted:
    shape = (
        0.02 + 0.011 * (parameters / SIZES[-1]) ** -0.75 + 0.010 * (videos / AMOUNTS[-1]) ** -1.35
    )
    values = {}
    for split, base, power in (
        ("id", 1.0, 1.0),
        ("speed_high", 8.0, 0.42),
        ("speed_low", 3.0, 0.3),
        ("radius", 3.2, 0.55),
    ):
        error = base * shape**power * float(np.exp(rng.normal(0, 0.04)))
        values[split, "velocity_error"] = error
        values[split, "loss"] = 0.25 * error**1.4 * float(np.exp(rng.normal(0, 0.1)))
        values[split, "vanish_rate"] = 0.02 if split != "radius" else 0.2
    return Planted(
        group, seed, parameters, videos, 0, _motion([[1.0, 4.0]], "both"), UNIFORM_SPLITS, values
    )


def _composition(rng: np.random.Generator, *, seed: int, combinations: int) -> Planted:
    held = 1.0 * (combinations / 6) ** -0.92 * float(np.exp(rng.normal(0, 0.06)))
    seen = 0.09 * (combinations / 6) ** 0.5 * float(np.exp(rng.normal(0, 0.1)))
    splits = (("pairs_seen", "id", (1.0, 3.0)), ("pairs_held", "combinatorial", (1.0, 3.0)))
    values = {("pairs_held", "loss"): held, ("pairs_seen", "loss"): seen}
    values |= {
        ("pairs_held", "position_error"): held**0.5,
        ("pairs_seen", "position_error"): seen**0.5,
    }
    pairs = [[first, second] for first in range(6) for second in range(6)][:combinations]
    return Planted(
        "composition",
        seed,
        SIZES[-1],
        1200,
        combinations,
        {"type": "Composition", "pairs": pairs},
        splits,
        values,
    )
