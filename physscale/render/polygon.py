"""Anything with straight edges on a pixel grid by exact area coverage.

By Green's theorem the covered area of the pixel [c, c+1) × [r, r+1) is a sum over the directed
edges of a border (`render.outline`) of ∫ clip(x(y) - c, 0, 1) dy, y going over the edge's part
inside the row. Along a straight edge that integral is (F(x₁ - c) - F(x₀ - c)) · Δy/Δx with F the
integral of clip: 0 below 0, u²/2 up to 1, u - ½ above. Columns that lie fully on the left of an
edge get Δy each, by a running sum; the integral is taken only where the edge passes."""

import math
from typing import no_type_check

import numpy as np

from physscale.render.compiled import compiled
from physscale.render.disc import blend

STEEP = 1e-9
"""An edge that goes sideways by less than this within a row is taken as upright there."""


@compiled
@no_type_check
def put(border: np.ndarray, x: float, y: float, angle: float, edges: np.ndarray) -> None:
    """edges[E, 4] = the border around a body's reference point, turned by its angle and moved to
    (x, y), in pixels with rows downwards."""
    cos, sin = math.cos(angle), math.sin(angle)
    for number in range(border.shape[0]):
        for end in (0, 2):
            along, up = border[number, end], border[number, end + 1]
            edges[number, end] = x + along * cos - up * sin
            edges[number, end + 1] = y - along * sin - up * cos


@compiled
@no_type_check
def _clip_integral(u: float) -> float:
    """F(u)."""
    if u <= 0.0:
        return 0.0
    return 0.5 * u * u if u < 1.0 else u - 0.5


@compiled
@no_type_check
def row_coverage(
    edges: np.ndarray, row: int, first_col: int, area: np.ndarray, full: np.ndarray
) -> None:
    """area[k] = covered area of the row's pixel first_col + k; full is scratch of the same
    length."""
    area[:], full[:] = 0.0, 0.0
    count = len(area)
    for number in range(edges.shape[0]):
        x0, y0, x1, y1 = edges[number]
        low, high = max(min(y0, y1), row), min(max(y0, y1), row + 1.0)
        if high <= low:
            continue
        slope = (x1 - x0) / (y1 - y0)
        one, other = x0 + (low - y0) * slope - first_col, x0 + (high - y0) * slope - first_col
        left = min(one, other)
        right = max(one, other)
        height = high - low if y1 < y0 else low - high
        begin, end = min(max(math.floor(left), 0), count), min(max(math.floor(right) + 1, 0), count)
        if begin > 0:
            full[begin - 1] += height
        for col in range(begin, end):
            if right - left < STEEP:
                mean = min(max(0.5 * (left + right) - col, 0.0), 1.0)
            else:
                mean = (_clip_integral(right - col) - _clip_integral(left - col)) / (right - left)
            area[col] += mean * height
    running = 0.0
    for col in range(count - 1, -1, -1):
        running += full[col]
        area[col] += running


@compiled
@no_type_check
def polygon_coverage(size: int, edges: np.ndarray) -> np.ndarray:
    """Covered area of every pixel of a square grid."""
    out = np.empty((size, size))
    full = np.empty(size)
    for row in range(size):
        row_coverage(edges, row, 0, out[row], full)
    return out


@compiled
@no_type_check
def draw_polygon(frame: np.ndarray, edges: np.ndarray, colour: np.ndarray) -> None:
    """Blends what a border encloses (edges in pixels, y downwards) over frame[H, W, 3]."""
    first_col = max(math.floor(edges[:, 0].min()), 0)
    last_col = min(math.floor(edges[:, 0].max()), frame.shape[1] - 1)
    first_row = max(math.floor(edges[:, 1].min()), 0)
    last_row = min(math.floor(edges[:, 1].max()), frame.shape[0] - 1)
    if last_col < first_col:
        return
    area, full = np.empty(last_col - first_col + 1), np.empty(last_col - first_col + 1)
    for row in range(first_row, last_row + 1):
        row_coverage(edges, row, first_col, area, full)
        for place in range(len(area)):
            blend(frame[row, first_col + place], min(area[place], 1.0), colour)
