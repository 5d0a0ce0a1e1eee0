"""Frames without soft edges: a pixel has the colour of the last body that covers its centre, as
PHYRE paints (all but some border pixels, which it rounds its own way)."""

import math
from typing import no_type_check

import numpy as np

from physscale.records.scene import Shape
from physscale.render.compiled import compiled
from physscale.render.polygon import put

DISC = int(Shape.DISC)


@compiled
@no_type_check
def paint_hard(
    frames: np.ndarray,
    poses: np.ndarray,
    sizes: np.ndarray,
    shapes: np.ndarray,
    borders: np.ndarray,
    colours: np.ndarray,
) -> None:
    """As `paint.paint`, by pixel centres."""
    edges, turns = np.empty((borders.shape[2], 4)), np.empty(frames.shape[3] + 1)
    frames[:] = 255
    for video in range(frames.shape[0]):
        for moment in range(frames.shape[1]):
            for body in range(sizes.shape[1]):
                x, y, angle = poses[video, moment, body]
                size, second = sizes[video, body]
                colour = colours[video, body]
                if size <= 0.0:
                    continue
                if shapes[video, body] == DISC:
                    _fill_disc(frames[video, moment], x, y, size, second, colour)
                else:
                    put(borders[video, body], x, y, angle, edges)
                    _fill_polygon(frames[video, moment], edges, colour, turns)


@compiled
@no_type_check
def _fill_disc(
    frame: np.ndarray, x: float, y: float, outer: float, inner: float, colour: np.ndarray
) -> None:
    first_row = max(math.ceil(y - outer - 0.5), 0)
    last_row = min(math.floor(y + outer - 0.5), frame.shape[0] - 1)
    for row in range(first_row, last_row + 1):
        square = (row + 0.5 - y) ** 2
        reach = math.sqrt(max(outer * outer - square, 0.0))
        first_col = max(math.ceil(x - reach - 0.5), 0)
        last_col = min(math.floor(x + reach - 0.5), frame.shape[1] - 1)
        for col in range(first_col, last_col + 1):
            if inner <= 0.0 or (col + 0.5 - x) ** 2 + square > inner * inner:
                for channel in range(3):
                    frame[row, col, channel] = np.uint8(colour[channel])


@compiled
@no_type_check
def _fill_polygon(
    frame: np.ndarray, edges: np.ndarray, colour: np.ndarray, turns: np.ndarray
) -> None:
    """How often the border goes round a centre, counted by the edges that pass on its right."""
    first_col = max(math.floor(edges[:, 0].min()), 0)
    last_col = min(math.floor(edges[:, 0].max()), frame.shape[1] - 1)
    first_row = max(math.ceil(edges[:, 1].min() - 0.5), 0)
    last_row = min(math.floor(edges[:, 1].max() - 0.5), frame.shape[0] - 1)
    if last_col < first_col:
        return
    for row in range(first_row, last_row + 1):
        turns[first_col : last_col + 2] = 0.0
        height = row + 0.5
        for number in range(edges.shape[0]):
            x0, y0, x1, y1 = edges[number]
            if (y0 <= height) != (y1 <= height):
                crossing = x0 + (height - y0) / (y1 - y0) * (x1 - x0)
                turns[min(max(math.ceil(crossing - 0.5), first_col), last_col + 1)] += (
                    1.0 if y1 < y0 else -1.0
                )
        inside = 0.0
        for col in range(last_col, first_col - 1, -1):
            inside += turns[col + 1]
            if inside > 0.5:
                for channel in range(3):
                    frame[row, col, channel] = np.uint8(colour[channel])
