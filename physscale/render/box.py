"""A polygon on a pixel grid by exact area coverage.

By Green's theorem the covered area of the pixel [c, c+1) × [r, r+1) is a sum over the polygon's directed edges of
∫ clip(x(y) - c, 0, 1) dy, y going over the edge's part inside the row. Along a straight edge that integral is
(F(x₁ - c) - F(x₀ - c)) · Δy/Δx with F the integral of clip: 0 below 0, u²/2 up to 1, u - ½ above.
`physscale.model.raster` uses the same formula on tensors.
"""

import math
from typing import no_type_check

import numba
import numpy as np

STEEP = 1e-9
"""An edge that goes sideways by less than this within a row is taken as upright there."""


@numba.njit(cache=True, nogil=True)
@no_type_check
def box_corners(x: float, y: float, angle: float, half_width: float, half_height: float, corners: np.ndarray) -> None:
    """corners[4, 2] of a box whose angle is counter-clockwise in the world, in pixels with rows downwards."""
    cos, sin = math.cos(angle), math.sin(angle)
    for number, (along, across) in enumerate(((1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0))):
        right, up = along * half_width, across * half_height
        corners[number, 0] = x + right * cos - up * sin
        corners[number, 1] = y - right * sin - up * cos


@numba.njit(cache=True, nogil=True)
@no_type_check
def _clip_integral(u: float) -> float:
    """F(u)."""
    if u <= 0.0:
        return 0.0
    return 0.5 * u * u if u < 1.0 else u - 0.5


@numba.njit(cache=True, nogil=True)
@no_type_check
def row_edges(corners: np.ndarray, row: int, edges: np.ndarray) -> None:
    """edges[k] = (x₀, x₁, signed Δy) of the polygon's edge k inside this row; Δy is 0 where it does not cross it."""
    count = corners.shape[0]
    for number in range(count):
        x0, y0 = corners[number, 0], corners[number, 1]
        x1, y1 = corners[(number + 1) % count, 0], corners[(number + 1) % count, 1]
        low, high = max(min(y0, y1), row), min(max(y0, y1), row + 1.0)
        edges[number, 2] = 0.0
        if high > low:
            slope = (x1 - x0) / (y1 - y0)
            edges[number, 0] = x0 + (low - y0) * slope
            edges[number, 1] = x0 + (high - y0) * slope
            edges[number, 2] = high - low if y1 > y0 else low - high


@numba.njit(cache=True, nogil=True)
@no_type_check
def row_coverage(edges: np.ndarray, col: int) -> float:
    """Covered area of one pixel of the row, whichever way round the polygon goes."""
    area = 0.0
    for number in range(edges.shape[0]):
        if edges[number, 2] != 0.0:
            first, last = edges[number, 0] - col, edges[number, 1] - col
            across = last - first
            if abs(across) < STEEP:
                mean = min(max(0.5 * (first + last), 0.0), 1.0)
            else:
                mean = (_clip_integral(last) - _clip_integral(first)) / across
            area += mean * edges[number, 2]
    return abs(area)


@numba.njit(cache=True, nogil=True)
@no_type_check
def polygon_coverage(size: int, corners: np.ndarray) -> np.ndarray:
    """Covered area of every pixel of a square grid."""
    out = np.empty((size, size))
    edges = np.empty((corners.shape[0], 3))
    for row in range(size):
        row_edges(corners, row, edges)
        for col in range(size):
            out[row, col] = row_coverage(edges, col)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def draw_polygon(frame: np.ndarray, corners: np.ndarray, colour: np.ndarray) -> None:
    """Blends one polygon (corners in pixels, y downwards) over frame[H, W, 3]."""
    edges = np.empty((corners.shape[0], 3))
    first_col, last_col = max(math.floor(corners[:, 0].min()), 0), min(math.floor(corners[:, 0].max()), frame.shape[1] - 1)
    first_row, last_row = max(math.floor(corners[:, 1].min()), 0), min(math.floor(corners[:, 1].max()), frame.shape[0] - 1)
    for row in range(first_row, last_row + 1):
        row_edges(corners, row, edges)
        for col in range(first_col, last_col + 1):
            area = row_coverage(edges, col)
            if area > 0.0:
                for channel in range(3):
                    old = float(frame[row, col, channel])
                    frame[row, col, channel] = np.uint8(old + min(area, 1.0) * (colour[channel] - old) + 0.5)
