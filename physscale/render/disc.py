"""A disc on a pixel grid by exact area coverage.

The part of a disc above a horizontal line at height h >= 0 over its centre, between two columns, has the area

    A(a, b, h) = S(b') - S(a') - h (b' - a'),   S(x) = ½ (x √(r² - x²) + r² asin(x/r)),

with a', b' the columns clipped to ±√(r² - h²). A pixel's coverage is A at its near line minus A at its far line. S is needed once a
column edge and once a row line, so an exact disc costs about as much as a sampled one.
"""

import math
from typing import no_type_check

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
@no_type_check
def _segment(x: float, radius: float) -> float:
    """S(x), the area under the upper half circle from 0 to x."""
    return 0.5 * (x * math.sqrt(max(radius * radius - x * x, 0.0)) + radius * radius * math.asin(min(max(x / radius, -1.0), 1.0)))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _row_above(edges: np.ndarray, areas: np.ndarray, line: float, radius: float, out: np.ndarray) -> None:
    """Adds to out[j] the area of the disc above the line (>= 0), between edges[j] and edges[j + 1]."""
    if line >= radius:
        return
    reach = math.sqrt(radius * radius - line * line)
    area_reach = _segment(reach, radius)
    for column in range(out.size):
        left, right = edges[column], edges[column + 1]
        if right <= -reach or left >= reach:
            continue
        area_left, area_right = areas[column], areas[column + 1]
        if left < -reach:
            left, area_left = -reach, -area_reach
        if right > reach:
            right, area_right = reach, area_reach
        out[column] += area_right - area_left - line * (right - left)


@numba.njit(cache=True, nogil=True)
@no_type_check
def coverage_rows(first_col: int, columns: int, first_row: int, rows: int, x: float, y: float, radius: float, out: np.ndarray) -> None:
    """Fills out[:rows, :columns] with the covered area of each pixel of the window whose first pixel is (first_col, first_row)."""
    edges = np.empty(columns + 1)
    areas = np.empty(columns + 1)
    for column in range(columns + 1):
        edges[column] = first_col + column - x
        areas[column] = _segment(min(max(edges[column], -radius), radius), radius)
    near = np.zeros(columns)
    far = np.zeros(columns)
    for row in range(rows):
        low, high = first_row + row - y, first_row + row + 1 - y
        near[:] = 0.0
        far[:] = 0.0
        if low >= 0.0:
            _row_above(edges, areas, low, radius, near)
            _row_above(edges, areas, high, radius, far)
            out[row, :columns] = near - far
        elif high <= 0.0:
            _row_above(edges, areas, -high, radius, near)
            _row_above(edges, areas, -low, radius, far)
            out[row, :columns] = near - far
        else:
            _row_above(edges, areas, 0.0, radius, near)
            near *= 2.0
            _row_above(edges, areas, high, radius, far)
            _row_above(edges, areas, -low, radius, far)
            out[row, :columns] = near - far


@numba.njit(cache=True, nogil=True)
@no_type_check
def draw_disc(frame: np.ndarray, x: float, y: float, radius: float, colour: np.ndarray, scratch: np.ndarray) -> None:
    """Blends one disc (centre and radius in pixels, y downwards) over frame[H, W, 3]; scratch is any [H, W] float array."""
    height, width = frame.shape[0], frame.shape[1]
    first_col, last_col = max(math.floor(x - radius), 0), min(math.floor(x + radius), width - 1)
    first_row, last_row = max(math.floor(y - radius), 0), min(math.floor(y + radius), height - 1)
    if last_col < first_col or last_row < first_row:
        return
    coverage_rows(first_col, last_col - first_col + 1, first_row, last_row - first_row + 1, x, y, radius, scratch)
    for row in range(first_row, last_row + 1):
        for col in range(first_col, last_col + 1):
            area = scratch[row - first_row, col - first_col]
            if area > 1e-9:
                for channel in range(3):
                    old = float(frame[row, col, channel])
                    frame[row, col, channel] = np.uint8(old + area * (colour[channel] - old) + 0.5)


@numba.njit(cache=True, nogil=True)
@no_type_check
def draw_discs(frames: np.ndarray, centres: np.ndarray, radii: np.ndarray, colours: np.ndarray) -> None:
    """Paints frames[B, T, H, W, 3] white, then every disc of every frame: centres[B, T, N, 2], radii[B, N] in px, colours[B, N, 3]."""
    scratch = np.empty((frames.shape[2], frames.shape[3]))
    frames[:] = 255
    for video in range(frames.shape[0]):
        for moment in range(frames.shape[1]):
            for body in range(radii.shape[1]):
                draw_disc(
                    frames[video, moment],
                    centres[video, moment, body, 0],
                    centres[video, moment, body, 1],
                    radii[video, body],
                    colours[video, body],
                    scratch,
                )
