"""The recipe of each object: its random sizes and places (arXiv 2411.02385; its code,
component_utils.py).

Lengths are fractions of the scene. The authors' builders draw from global generators, so their task
seed does not reproduce a task; here scene n of template t is a function of (seed, t, n) alone.
Objects may overlap, as in the authors' scenes."""

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from physscale.render.outline import Point
from physscale.simulate.phyre.parts import Part, Setting, part
from physscale.simulate.phyre.templates import TEMPLATES

CHAIN_START, CHAIN_TOP = (0.4, 0.55), 0.5
JAR_IN_AIR, STICKS_ON_FLOOR = 0.7, 0.3


@lru_cache(maxsize=4096)
def setting(template: int, *, number: int, size_px: int, seed: int = 0) -> Setting:
    """Scene `number` of a template, without the red ball: a pure function of its arguments."""
    parts: list[Part] = []
    rng = generator("scene", seed=seed, counter=(0, number, template))
    for kind in TEMPLATES[template]:
        parts += RECIPES[kind](rng, kind, float(size_px))
    return Setting(template=template, number=number, size_px=size_px, parts=tuple(parts))


def generator(what: str, *, seed: int, counter: tuple[int, int, int]) -> np.random.Generator:
    """The Philox generator of one scene or one trial; two of them are at least 2^64 draws apart."""
    key = int.from_bytes(hashlib.sha256(f"phyre\n{what}\n{seed}".encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key, counter=[0, *counter]))


def _ball(rng: np.random.Generator, kind: int, side: float) -> list[Part]:
    scale, x, bottom = rng.uniform(0.06, 0.12), rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.85)
    return [part(kind, "ball", scale, bottom=bottom * side, center_x=x * side)]


def _chain(rng: np.random.Generator, kind: int, side: float) -> list[Part]:
    return [
        part(kind, "ball", 0.04, dynamic=False, center_x=side * x, center_y=side * y)
        for x, y in _walk(rng)
        if _inside(x, y)
    ]


def _walk(rng: np.random.Generator) -> list[Point]:
    """A random walk of steady curvature that branches from an earlier point now and then, and never
    climbs above `CHAIN_TOP`."""
    wanted = int(rng.integers(2, 7))
    points, links, inside = [CHAIN_START], 1, 0
    heading, drift = _heading(rng)
    while inside < wanted:
        if links >= 3 and rng.uniform() < 0.2:
            x, y = points[int(rng.integers(len(points)))]
            links = 1
            heading, drift = _heading(rng)
        else:
            links += 1
            step = rng.uniform(0.05, 0.2)
            heading += drift
            x = points[-1][0] + step * math.cos(heading)
            y = points[-1][1] + step * math.sin(heading)
        if y < CHAIN_TOP:
            points.append((x, y))
            inside += _inside(x, y)
    return points


def _heading(rng: np.random.Generator) -> tuple[float, float]:
    return rng.uniform() * 2 * math.pi, rng.uniform() * 2 * math.pi / 10


def _inside(x: float, y: float) -> bool:
    return 0 < x < 1 and 0 < y < 1


def _bar(rng: np.random.Generator, kind: int, side: float) -> list[Part]:
    scale, x = rng.uniform(0.15, 0.5), rng.uniform(0.3, 0.6)
    y, angle = rng.uniform(0.2, 0.8), rng.uniform(-90, 90)
    return [part(kind, "bar", scale, center_x=x * side, bottom=y * side, angle=angle)]


def _standing_bars(rng: np.random.Generator, kind: int, side: float) -> list[Part]:
    offset, spacing = rng.uniform(0.45, 0.6), 0.15
    if rng.uniform() < 0.5:
        offset, spacing = 1.0 - offset, -spacing
    bars = int(rng.integers(1, 5))
    first = -bars // 2
    return [
        part(
            kind,
            "bar",
            0.2 + 0.05 * bar,
            angle=90.0,
            left=(offset + spacing * (first + bar)) * side,
            bottom=0.0,
        )
        for bar in range(bars)
    ]


def _static_bar(rng: np.random.Generator, kind: int, side: float) -> list[Part]:
    scale, y = rng.uniform(0.2, 0.5), rng.uniform(0.1, 0.5)
    angle, right = rng.uniform(-60, 60), rng.uniform(0.3, 0.4)
    return [
        part(kind, "bar", scale, dynamic=False, right=right * side, bottom=y * side, angle=angle)
    ]


def _jar(rng: np.random.Generator, kind: int, side: float) -> list[Part]:
    scale, x = rng.uniform(0.08, 0.3), rng.uniform(0.3, 0.6)
    y, angle = rng.uniform(0.2, 0.8), rng.uniform(-45, 45)
    if rng.random() >= JAR_IN_AIR:
        y, angle = 0.0, 0.0
    return [part(kind, "jar", scale, angle=angle, bottom=y * side, center_x=x * side)]


def _sticks(rng: np.random.Generator, kind: int, side: float) -> list[Part]:
    scale, x = rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.6)
    y, angle = rng.uniform(0.2, 0.5), rng.uniform(-90, 90)
    if rng.random() < STICKS_ON_FLOOR:
        y, angle = 0.0, 0.0
    return [part(kind, "standingsticks", scale, angle=angle, bottom=y * side, center_x=x * side)]


RECIPES: tuple[Callable[[np.random.Generator, int, float], list[Part]], ...] = (
    _ball,
    _ball,
    _chain,
    _bar,
    _standing_bars,
    _static_bar,
    _jar,
    _sticks,
)
