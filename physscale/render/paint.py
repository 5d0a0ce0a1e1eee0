"""All bodies of all frames, in painter's order."""

from typing import no_type_check

import numpy as np

from physscale.records.scene import Shape
from physscale.render.compiled import compiled
from physscale.render.disc import draw_disc, draw_ring
from physscale.render.polygon import draw_polygon, put

DISC = int(Shape.DISC)


@compiled
@no_type_check
def paint(
    frames: np.ndarray,
    poses: np.ndarray,
    sizes: np.ndarray,
    shapes: np.ndarray,
    borders: np.ndarray,
    colours: np.ndarray,
) -> None:
    """Paints frames[B, T, H, W, 3] white, then every body of every frame; a body of size 0 is not
    there.

    poses[B, T, N, 3] are centre and angle, sizes[B, N, 2] a disc's radius and the radius of its
    hole, borders[B, N, E, 4] anything else's edges (`render.outline`), all in pixels, poses with
    rows downwards; shapes[B, N], colours[B, N, 3]."""
    bodies, height, width = sizes.shape[1], frames.shape[2], frames.shape[3]
    rows = frames.reshape(frames.shape[0], frames.shape[1], height, 3 * width)
    columns = np.empty((2, width + 1))
    lines = np.empty((bodies, 3, height + 1))
    lines_y = np.empty(bodies)
    ink, edges = np.empty((bodies, 3 * width), np.uint8), np.empty((borders.shape[2], 4))
    rows[:] = 255
    for video in range(frames.shape[0]):
        lines_y[:] = np.nan
        for body in range(bodies):
            for byte in range(3 * width):
                ink[body, byte] = np.uint8(colours[video, body, byte % 3])
        for moment in range(frames.shape[1]):
            for body in range(bodies):
                x, y, angle = poses[video, moment, body]
                size, second = sizes[video, body]
                colour = colours[video, body]
                if size <= 0.0:
                    continue
                if shapes[video, body] != DISC:
                    put(borders[video, body], x, y, angle, edges)
                    draw_polygon(frames[video, moment], edges, colour)
                elif second > 0.0:
                    draw_ring(frames[video, moment], x, y, size, second, colour)
                else:
                    draw_disc(
                        rows[video, moment],
                        x,
                        y,
                        size,
                        ink[body],
                        colour,
                        columns,
                        lines[body],
                        y == lines_y[body],
                    )
                    if x + size >= 0.0 and x - size < width:
                        lines_y[body] = y
