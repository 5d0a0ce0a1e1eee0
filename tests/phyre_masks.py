"""Which pixels each body of a PHYRE row covers, from the states in the row: masks need not be
stored.

A pixel belongs to the last body that covers its centre, as in PHYRE's own painter, which fills a
row of pixels between rounded borders."""

import numpy as np
from jaxtyping import Bool

from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, Videos
from physscale.render.outline import Polygon, polygons_m
from physscale.simulate.phyre.rows import NOBODY

SHAPE, RADIUS, HALF_HEIGHT, KIND = (
    BODY.index(name) for name in ("shape", "radius_m", "half_height_m", "kind")
)


def masks(videos: Videos, *, size_px: int) -> Bool[np.ndarray, "batch frames bodies height width"]:
    """The visible part of every body, row 0 on top; places without a body are empty."""
    batch, frames, bodies = videos.state.shape[:3]
    out = np.zeros((batch, frames, bodies, size_px, size_px), bool)
    for row in range(batch):
        for body in range(bodies):
            constant = videos.body[row, body]
            if constant[KIND] != NOBODY:
                for frame in range(frames):
                    covered = _covered(videos.state[row, frame, body], constant, size_px=size_px)
                    out[row, frame, :body] &= ~covered
                    out[row, frame, body] = covered
    return out


def _covered(
    state: np.ndarray, constant: np.ndarray, *, size_px: int
) -> Bool[np.ndarray, "height width"]:
    """Pixels whose centre lies in the body, hidden or not."""
    centres = (np.arange(size_px) + 0.5) * (WORLD_M / size_px)
    x, y = centres[None, :] - float(state[0]), centres[::-1, None] - float(state[1])
    radius, half_height = float(constant[RADIUS]), float(constant[HALF_HEIGHT])
    parts = polygons_m(int(constant[SHAPE]), radius_m=radius, half_height_m=half_height)
    if not parts:
        return x**2 + y**2 <= radius**2
    cos, sin = np.cos(float(state[2])), np.sin(float(state[2]))
    along, across = x * cos + y * sin, y * cos - x * sin
    return np.logical_or.reduce([_inside(along, across, polygon) for polygon in parts])


def _inside(x: np.ndarray, y: np.ndarray, polygon: Polygon) -> np.ndarray:
    """On the left of every edge of a counter-clockwise polygon."""
    edges = zip(polygon, (*polygon[1:], polygon[0]), strict=True)
    return np.logical_and.reduce(
        [(x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) >= 0 for (x0, y0), (x1, y1) in edges]
    )
