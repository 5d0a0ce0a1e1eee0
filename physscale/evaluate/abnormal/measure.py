"""How much of a frame the found bodies explain: each body's missing ink, strength, border and depth
in others, and the ink that is left over."""

from typing import no_type_check

import numpy as np

from physscale.evaluate.abnormal.bodies import Bodies, Frame, crowded, form_of
from physscale.evaluate.abnormal.fit import mark, pixels_near
from physscale.evaluate.abnormal.solids import distance_to
from physscale.render.compiled import compiled

MISSING, LEVEL, BORDER, DEPTH, GAP = range(5)
UNEXPLAINED, FOREIGN, BLACK_MISSING, BLACK_EXTRA = range(4)


@compiled
@no_type_check
def measure(
    frame: Frame, bodies: Bodies, poses: np.ndarray, each: np.ndarray, total: np.ndarray
) -> None:
    """each[N, 5] and total[4] of one frame, in metres and pixels."""
    size = frame.ink.shape[1]
    covered = np.zeros((size, size), np.bool_)
    for body in bodies.order:
        mark(covered, poses[body], form_of(bodies, body), frame.px, 1.4 * frame.px)
        _inside(frame, bodies, poses, body, each[body])
        each[body, BORDER] = _border(frame, bodies, poses, body)
    blacks, gone = 0.0, 0.0
    total[:] = 0.0
    for row in range(size):
        for col in range(size):
            dark = frame.dark[row, col] > 0.6
            if frame.black[row, col]:
                blacks += 1.0
                gone += 0.0 if dark else 1.0
            elif not frame.blind[row, col]:
                if dark:
                    total[BLACK_EXTRA] += 1.0
                    continue
                if frame.foreign[row, col] > 0.12:
                    total[FOREIGN] += frame.foreign[row, col]
                strength = max(frame.ink[0, row, col], 0.0) + max(frame.ink[1, row, col], 0.0)
                if not covered[row, col] and strength > 0.4:
                    total[UNEXPLAINED] += strength
    total[BLACK_MISSING] = gone / blacks if blacks > 0 else 0.0


@compiled
@no_type_check
def _inside(frame: Frame, bodies: Bodies, poses: np.ndarray, body: int, out: np.ndarray) -> None:
    size = frame.ink.shape[1]
    px = frame.px
    channel = 0 if bodies.red[body] else 1
    pose = poses[body]
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    asked, gone, level, depth, gap = 0.0, 0.0, 0.0, 0.0, 1e9
    for number in range(bodies.point_count[body]):
        u, v = bodies.points[body, number, 0], bodies.points[body, number, 1]
        x, y = pose[0] + cos * u - sin * v, pose[1] + sin * u + cos * v
        col, row = int(np.floor(x / px)), size - 1 - int(np.floor(y / px))
        in_view = 0 <= col < size and 0 <= row < size
        other = _other(bodies, poses, body, x, y)
        gap, depth = min(gap, other, x, y, 10.0 - x, 10.0 - y), max(depth, -other)
        if in_view and (
            frame.blind[row, col] or (frame.ink[1 - channel, row, col] > 0.6 and other < px)
        ):
            continue
        asked += 1.0
        value = frame.ink[channel, row, col] if in_view else 0.0
        gone += 1.0 if value < 0.4 else 0.0
        level += value
    enough = max(asked, 0.5 * bodies.point_count[body])
    out[MISSING], out[LEVEL] = gone / enough, 1.0 - (asked - level) / enough
    out[DEPTH], out[GAP] = depth, gap


@compiled
@no_type_check
def _other(bodies: Bodies, poses: np.ndarray, body: int, x: float, y: float) -> float:
    """Signed distance of a point from the nearest other body within a metre."""
    least = 1e9
    for which in range(2):
        for other in bodies.order if which == 0 else bodies.still:
            near = (
                abs(poses[other, 0] - x) < bodies.reach[other] + 1.0
                and abs(poses[other, 1] - y) < bodies.reach[other] + 1.0
            )
            if other != body and near:
                least = min(
                    least,
                    distance_to(x, y, poses[other], bodies.radius[other], bodies.edges[other]),
                )
    return least


@compiled
@no_type_check
def _border(frame: Frame, bodies: Bodies, poses: np.ndarray, body: int) -> float:
    """(Ink - covered area) near the border, over the border's length, where no other body and
    nothing black is near."""
    size, px, pose, reach = frame.ink.shape[1], frame.px, poses[body], bodies.reach[body]
    ink = frame.ink[0 if bodies.red[body] else 1]
    wide, surplus, length = 2.5 * px, 0.0, 0.0
    first, last = pixels_near(pose[1], reach, px, 4, size)
    first_col, last_col = pixels_near(pose[0], reach, px, 4, size)
    for up in range(first, last):
        for col in range(first_col, last_col):
            x, y, row = (col + 0.5) * px, (up + 0.5) * px, size - 1 - up
            here = distance_to(x, y, pose, bodies.radius[body], bodies.edges[body])
            if abs(here) > wide or frame.blind[row, col]:
                continue
            if not crowded(bodies, poses, body, x, y, wide):
                surplus += min(max(ink[row, col], 0.0), 1.2) - min(max(0.5 - here / px, 0.0), 1.0)
                length += 1.0 if abs(here) < 0.5 * px else 0.0
    return surplus * px / length if length > 8.0 else np.nan
