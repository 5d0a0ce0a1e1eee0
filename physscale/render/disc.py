"""A disc on a pixel grid by exact area coverage.

The part of a disc beyond a horizontal line at distance h from its centre, between two columns, has
the area

    A(a, b, h) = S(b') - S(a') - h (b' - a'),   S(x) = ½ (x √(r² - x²) + r² asin(x/r)),

with a', b' the columns clipped to the line's half chord √(r² - h²). A pixel's coverage is A at its
near line minus A at its far line; on the row of the centre it is the full height of the disc minus
A at both. S is needed once per column edge and once per row line, and only for pixels that the
circle passes through, so an exact disc costs less than a sampled one."""

import math
from typing import no_type_check

import numpy as np

from physscale.render.compiled import compiled


@compiled
@no_type_check
def _half_segment(x: float, radius: float) -> float:
    """S(x), the area under the upper half circle from 0 to x, with x clipped to the disc."""
    x = min(max(x, -radius), radius)
    return 0.5 * (x * math.sqrt(radius * radius - x * x) + radius * radius * math.asin(x / radius))


@compiled
@no_type_check
def column_table(first_col: int, x: float, radius: float, columns: np.ndarray) -> None:
    """columns[:, k] = edge k from the centre, S there."""
    for edge in range(columns.shape[1]):
        columns[0, edge] = first_col + edge - x
        columns[1, edge] = _half_segment(columns[0, edge], radius)


@compiled
@no_type_check
def line_table(first_row: int, y: float, radius: float, lines: np.ndarray) -> None:
    """lines[:, k] = distance of row line k from the centre, half chord, S of it."""
    for line in range(lines.shape[1]):
        lines[0, line] = first_row + line - y
        lines[1, line] = math.sqrt(max(radius * radius - lines[0, line] ** 2, 0.0))
        lines[2, line] = _half_segment(lines[1, line], radius)


@compiled
@no_type_check
def _beyond(col: int, line: int, columns: np.ndarray, lines: np.ndarray) -> float:
    """A of one column and one row line."""
    reach = lines[1, line]
    left, right = columns[0, col], columns[0, col + 1]
    if right <= -reach or left >= reach:
        return 0.0
    area_left, area_right = columns[1, col], columns[1, col + 1]
    if left < -reach:
        left, area_left = -reach, -lines[2, line]
    if right > reach:
        right, area_right = reach, lines[2, line]
    return area_right - area_left - abs(lines[0, line]) * (right - left)


@compiled
@no_type_check
def _covered(row: int, col: int, columns: np.ndarray, lines: np.ndarray) -> float:
    """Covered area of one pixel."""
    low, high = _beyond(col, row, columns, lines), _beyond(col, row + 1, columns, lines)
    if lines[0, row] >= 0.0:
        return low - high
    if lines[0, row + 1] <= 0.0:
        return high - low
    return 2.0 * (columns[1, col + 1] - columns[1, col]) - low - high


@compiled
@no_type_check
def coverage(size: int, x: float, y: float, radius: float) -> np.ndarray:
    """Covered area of every pixel of a square grid."""
    columns, lines = np.empty((2, size + 1)), np.empty((3, size + 1))
    column_table(0, x, radius, columns)
    line_table(0, y, radius, lines)
    out = np.empty((size, size))
    for row in range(size):
        for col in range(size):
            out[row, col] = _covered(row, col, columns, lines)
    return out


@compiled
@no_type_check
def draw_disc(
    frame: np.ndarray,
    x: float,
    y: float,
    radius: float,
    ink: np.ndarray,
    colour: np.ndarray,
    columns: np.ndarray,
    lines: np.ndarray,
    lines_fit: bool,
) -> None:
    """Blends one disc (centre and radius in pixels, y downwards) over frame[H, 3 · W].

    ink[3 · W] is a full row of the colour; columns and lines are scratch of W + 1 and H + 1, and
    where `lines_fit` the lines are those of a disc drawn before at this height with this radius:
    bodies that fly level need them once per video."""
    height, width = frame.shape[0], frame.shape[1] // 3
    first_col, last_col = max(math.floor(x - radius), 0), min(math.floor(x + radius), width - 1)
    first_row, last_row = max(math.floor(y - radius), 0), min(math.floor(y + radius), height - 1)
    if last_col < first_col or last_row < first_row:
        return
    columns, lines = columns[:, : last_col - first_col + 2], lines[:, : last_row - first_row + 2]
    column_table(first_col, x, radius, columns)
    if not lines_fit:
        line_table(first_row, y, radius, lines)
    for row in range(lines.shape[1] - 1):
        line = frame[first_row + row]
        inner, outer = min(lines[1, row], lines[1, row + 1]), max(lines[1, row], lines[1, row + 1])
        if lines[0, row] < 0.0 < lines[0, row + 1]:
            outer = radius
        begin, end = max(math.floor(x - outer), first_col), min(math.floor(x + outer), last_col) + 1
        if begin >= end:
            continue
        solid_from = min(max(math.ceil(x - inner), begin), end)
        solid_to = max(min(math.floor(x + inner), end), begin)
        if solid_to <= solid_from:
            solid_from = solid_to = end
        for byte in range(3 * solid_from, 3 * solid_to):
            line[byte] = ink[byte]
        for col in range(begin, end):
            if col < solid_from or col >= solid_to:
                area = _covered(row, col - first_col, columns, lines)
                blend(line[3 * col : 3 * col + 3], area, colour)


@compiled
@no_type_check
def blend(pixel: np.ndarray, area: float, colour: np.ndarray) -> None:
    """Mixes the colour into the three channels of a pixel, in proportion to the covered area."""
    if area > 0.0:
        for channel in range(3):
            old = float(pixel[channel])
            pixel[channel] = np.uint8(old + area * (colour[channel] - old) + 0.5)


@compiled
@no_type_check
def draw_ring(
    frame: np.ndarray, x: float, y: float, outer: float, inner: float, colour: np.ndarray
) -> None:
    """Blends a disc with a round hole over frame[H, W, 3]: the outer disc's coverage minus the
    hole's."""
    height, width = frame.shape[0], frame.shape[1]
    first_col, last_col = max(math.floor(x - outer), 0), min(math.floor(x + outer), width - 1)
    first_row, last_row = max(math.floor(y - outer), 0), min(math.floor(y + outer), height - 1)
    if last_col < first_col or last_row < first_row:
        return
    tables = np.empty((2, 2, last_col - first_col + 2)), np.empty((2, 3, last_row - first_row + 2))
    for which, radius in enumerate((outer, inner)):
        column_table(first_col, x, radius, tables[0][which])
        line_table(first_row, y, radius, tables[1][which])
    for row in range(last_row - first_row + 1):
        for col in range(last_col - first_col + 1):
            area = _covered(row, col, tables[0][0], tables[1][0]) - _covered(
                row, col, tables[0][1], tables[1][1]
            )
            blend(frame[first_row + row, first_col + col], area, colour)
