"""A frame and the bodies of a PHYRE scene, in the form that compiled code needs."""

from typing import NamedTuple, no_type_check

import numpy as np

from physscale.evaluate.abnormal.fit import Form, View
from physscale.evaluate.abnormal.solids import distance_to
from physscale.render.compiled import compiled


class Bodies(NamedTuple):
    """All bodies of a row; see `Solids`. `order` lists those that move, the largest first, and
    `still` those that do not."""

    radius: np.ndarray
    edges: np.ndarray
    reach: np.ndarray
    thin: np.ndarray
    points: np.ndarray
    point_count: np.ndarray
    ring: np.ndarray
    ring_count: np.ndarray
    order: np.ndarray
    still: np.ndarray
    red: np.ndarray


class Frame(NamedTuple):
    """One frame: red and grey ink, foreign ink, darkness, and the pixels well inside black bodies
    (`black`) or near them (`blind`)."""

    ink: np.ndarray
    foreign: np.ndarray
    dark: np.ndarray
    blind: np.ndarray
    black: np.ndarray
    px: float


@compiled
@no_type_check
def form_of(bodies: Bodies, body: int) -> Form:
    """One body of these."""
    inside = bodies.points[body, : bodies.point_count[body]]
    ring = bodies.ring[body, : bodies.ring_count[body]]
    return Form(
        bodies.radius[body], bodies.edges[body], bodies.reach[body], bodies.thin[body], inside, ring
    )


@compiled
@no_type_check
def view_of(frame: Frame, channel: int, owned: np.ndarray) -> View:
    """The frame as bodies of one colour are compared with it."""
    return View(frame.ink[channel], frame.ink[1 - channel], frame.blind, owned, frame.px)


@compiled
@no_type_check
def crowded(
    bodies: Bodies, poses: np.ndarray, body: int, x: float, y: float, within: float
) -> bool:
    """Whether another moving body is nearer to a point than `within`."""
    for other in bodies.order:
        far = bodies.reach[other] + within
        near = other != body and abs(poses[other, 0] - x) < far and abs(poses[other, 1] - y) < far
        if (
            near
            and distance_to(x, y, poses[other], bodies.radius[other], bodies.edges[other]) < within
        ):
            return True
    return False
