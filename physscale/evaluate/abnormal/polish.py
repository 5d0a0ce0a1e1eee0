"""Refine the poses of bodies by the ink near their borders."""

from typing import no_type_check

import numpy as np

from physscale.evaluate.abnormal.bodies import Bodies, Frame, crowded
from physscale.evaluate.abnormal.fit import pixels_near
from physscale.evaluate.abnormal.solids import distance_to
from physscale.render.compiled import compiled

POLISHES, EDGE_PX, DAMPING = 3, 1.0, 4.0
"""Least-squares steps, half the width of an edge in pixels, and a damping that weighs as much as
this many pixels."""


@compiled
@no_type_check
def polish(frame: Frame, bodies: Bodies, poses: np.ndarray) -> None:
    """Move every pose so that the body's border lies on that of the ink: damped least squares on
    the pixels with no other body near."""
    size, px, grown = frame.ink.shape[1], frame.px, np.zeros((3, 4))
    step, moved = np.empty(3), np.empty(3)
    for _ in range(POLISHES):
        for body in bodies.order:
            pose = poses[body]
            ink = frame.ink[0 if bodies.red[body] else 1]
            lever = max(bodies.reach[body], px)
            grown[:] = 0.0
            reach = bodies.reach[body] + EDGE_PX * px
            first, last = pixels_near(pose[1], reach, px, 0, size)
            first_col, last_col = pixels_near(pose[0], reach, px, 0, size)
            for up in range(first, last):
                for col in range(first_col, last_col):
                    x, y, row = (col + 0.5) * px, (up + 0.5) * px, size - 1 - up
                    here = distance_to(x, y, pose, bodies.radius[body], bodies.edges[body])
                    if (
                        abs(here) > EDGE_PX * px
                        or frame.blind[row, col]
                        or crowded(bodies, poses, body, x, y, 2.5 * px)
                    ):
                        continue
                    for axis in range(3):
                        moved[:] = pose
                        moved[axis] += 0.1 * px / (lever if axis == 2 else 1.0)
                        step[axis] = here - distance_to(
                            x, y, moved, bodies.radius[body], bodies.edges[body]
                        )
                    wrong = min(max(ink[row, col], 0.0), 1.0) - (0.5 - 0.5 * here / (EDGE_PX * px))
                    for axis in range(3):
                        for other in range(3):
                            grown[axis, other] += step[axis] * step[other] / (0.1 * px) ** 2
                        grown[axis, 3] += step[axis] / (0.1 * px) * wrong * 2 * EDGE_PX * px
            for axis in range(3):
                grown[axis, axis] += DAMPING
            way = np.linalg.solve(grown[:, :3], grown[:, 3])
            way *= min(1.0, px / max(np.abs(way).max(), 1e-9))
            pose[0] += way[0]
            pose[1] += way[1]
            if bodies.radius[body] == 0.0:
                pose[2] += way[2] / lever
