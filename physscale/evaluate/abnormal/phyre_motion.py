"""How bodies of a PHYRE scene move: through bars, against gravity, and with what energy.

Energy comes from the mean velocity and mean height of an interval. A contact within the interval
makes it too small, never too large; rotation is left out. The engine pushes apart bodies that start
inside one another, so their energy counts from where they are apart."""

import numpy as np
from jaxtyping import Float, Int

from physscale.evaluate.abnormal.solids import HALF_HEIGHT, MASS, RADIUS, SHAPE
from physscale.records.scene import Shape

MOVED_M = 0.1
LASTING = 3
APART_M = 0.05
"""Bodies no deeper in one another than this are apart."""


def tunnel_m(centre: np.ndarray, *, body: np.ndarray, state: np.ndarray) -> float:
    """How far inside the ends of a fixed bar a centre crosses it between two frames, in m."""
    deepest = 0.0
    for number in np.flatnonzero(
        (body[:, MASS] == 0) & (body[:, RADIUS] > 0) & (body[:, SHAPE] == Shape.BOX)
    ):
        x, y, angle = state[number, :3].astype(np.float64)
        along = (centre[..., 0] - x) * np.cos(angle) + (centre[..., 1] - y) * np.sin(angle)
        across = (centre[..., 1] - y) * np.cos(angle) - (centre[..., 0] - x) * np.sin(angle)
        half = float(body[number, HALF_HEIGHT])
        crossing = (across[1:] * across[:-1] < 0) & (
            np.minimum(abs(across[1:]), abs(across[:-1])) > half
        )
        share = np.abs(across[:-1]) / np.maximum(np.abs(across[1:] - across[:-1]), 1e-9)
        where = along[:-1] + share * (along[1:] - along[:-1])
        inside = np.where(crossing, float(body[number, RADIUS]) - np.abs(where), 0.0)
        deepest = max(deepest, float(inside.max(initial=0.0)))
    return deepest


def force(centre: np.ndarray, *, gap: np.ndarray, fall: float, deviation: float) -> float:
    """|a - g| by least squares over 3, 4 or 5 frames in which nothing is near the body, in standard
    deviations."""
    step = np.linalg.norm(np.diff(centre, axis=0), axis=-1)
    reach = np.concatenate([step[:1], np.maximum(step[1:], step[:-1]), step[-1:]])
    alone = gap > 0.25 + 0.7 * (reach + reach.max(1, keepdims=True)) / 2
    worst = 0.0
    for frames in (3, 4, 5):
        time = np.arange(frames) - (frames - 1) / 2
        curve = time**2 - (time**2).mean()
        curve /= (curve**2).sum()
        for start in range(len(centre) - frames + 1):
            free = alone[start : start + frames].all(0)
            if free.any():
                bend = 2 * np.tensordot(curve, centre[start : start + frames, free], 1) + np.array(
                    [0.0, fall]
                )
                spread = 2 * deviation * float(np.sqrt((curve**2).sum()))
                worst = max(worst, float(np.linalg.norm(bend, axis=-1).max()) / spread)
    return worst


def free_from(depth_m: Float[np.ndarray, "frames bodies"]) -> Int[np.ndarray, " bodies"]:
    """The first interval that counts for each body: from when it is apart from all others. The
    number of frames if it never is."""
    apart = depth_m <= APART_M
    return np.where(apart.any(0), np.where(apart[0], 0, apart.argmax(0) + 1), len(depth_m))


def energy_m(
    centre: np.ndarray,
    *,
    reach: np.ndarray,
    mass: np.ndarray,
    gravity: float,
    interval: float,
    free: Int[np.ndarray, " bodies"],
) -> float:
    """The largest lasting rise in energy of a group of bodies that may have touched, as a height in
    metres of the heaviest of them that moved. Energy does not pass between bodies that are far
    apart."""
    speed = np.diff(centre, axis=0) / interval
    kinetic = 0.5 * (speed**2).sum(-1)
    single = mass * (kinetic + gravity * 0.5 * (centre[1:, :, 1] + centre[:-1, :, 1]))
    start = mass * gravity * (centre[0, :, 1] - gravity * interval**2 / 8)
    each, worst = np.concatenate([start[None], single]), 0.0
    way = np.linalg.norm(np.diff(centre, axis=0), axis=-1)
    for now in range(1, len(each) - LASTING + 1):
        first = max(now - 3, 0)
        for group in _groups(centre[first : now + LASTING], reach=reach):
            total, begun = each[:, group].sum(1), max(first, int(free[group].max()))
            if begun >= now:
                continue
            before = begun + int(total[begun:now].argmax())
            moved = way[max(before - 2, 0) : now, group].max(0) > MOVED_M
            if moved.any():
                rise = total[now : now + LASTING].min() - total[before]
                worst = max(worst, float(rise / (gravity * mass[group][moved].max())))
    return worst


def _groups(centre: np.ndarray, *, reach: np.ndarray) -> list[np.ndarray]:
    """Groups of bodies that a chain of possible contacts in these frames connects."""
    step = np.linalg.norm(np.diff(centre, axis=0), axis=-1).max(0, initial=0.0)
    apart = np.linalg.norm(centre[:, :, None] - centre[:, None], axis=-1).min(0)
    linked = apart < reach[:, None] + reach + step[:, None] + step
    for _ in range(len(reach).bit_length()):
        linked = (linked[:, :, None] & linked[None]).any(1)
    return [np.flatnonzero(row) for row in np.unique(linked, axis=0)]
