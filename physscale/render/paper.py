"""Frames as the official generator of arXiv 2411.02385 draws them (id_ood_data, its soft disc and
hard square).

With pixel i at i/(W-1) on both axes, ρ = r/10 and d the distance from the centre, a disc has the
mask clip((ρ² - d²)/(0.03 ρ²), 0, 1), a square of half side r the mask |Δx| <= ρ and |Δy| <= ρ; then
frame = (1 - m) frame + m colour in double precision, later bodies over earlier ones, cut (not
rounded) to uint8, upside down. The soft edge lies inside the disc and the grid is a pixel too wide,
which is why its own parser reads radii 0.2 px too small and places 0.28 px off: kept as it is."""

import math
from typing import no_type_check

import numpy as np

from physscale.render.compiled import compiled

EDGE = 0.03


@compiled
@no_type_check
def draw_as_the_paper(
    frames: np.ndarray,
    centres: np.ndarray,
    radii: np.ndarray,
    boxes: np.ndarray,
    colours: np.ndarray,
) -> None:
    """frames[B, T, S, S, 3] from centres[B, T, N, 2] and radii[B, N] as fractions of the view (y
    up), boxes[B, N], colours[B, N, 3]."""
    size = frames.shape[2]
    coverage = np.linspace(0.0, 1.0, size)
    pixel = np.empty(3)
    frames[:] = 255
    for video in range(frames.shape[0]):
        for moment in range(frames.shape[1]):
            low, high = np.inf, -np.inf
            for body in range(radii.shape[1]):
                low = min(low, centres[video, moment, body, 1] - radii[video, body])
                high = max(high, centres[video, moment, body, 1] + radii[video, body])
            first = max(math.floor(low * (size - 1)), 0)
            last = min(math.ceil(high * (size - 1)), size - 1)
            for up in range(first, last + 1):
                for col in range(size):
                    pixel[:] = 255.0
                    touched = False
                    for body in range(radii.shape[1]):
                        dx = coverage[col] - centres[video, moment, body, 0]
                        dy = coverage[up] - centres[video, moment, body, 1]
                        square = radii[video, body] ** 2
                        if boxes[video, body]:
                            mask = (
                                1.0
                                if abs(dx) <= radii[video, body] and abs(dy) <= radii[video, body]
                                else 0.0
                            )
                        else:
                            mask = min(max((square - (dx**2 + dy**2)) / (square * EDGE), 0.0), 1.0)
                        if mask > 0.0:
                            touched = True
                            for channel in range(3):
                                pixel[channel] = (1.0 - mask) * pixel[channel] + mask * colours[
                                    video, body, channel
                                ]
                    if touched:
                        for channel in range(3):
                            frames[video, moment, size - 1 - up, col, channel] = np.uint8(
                                pixel[channel]
                            )
