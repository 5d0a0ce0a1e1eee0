"""The colour masks of the official evaluation (arXiv 2411.02385, id_ood_data/evaluate.py).

A red pixel has R > 127, G < 127, B < 127, a blue one R < 127, G < 127, B > 127."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, UInt8

from physscale.render.compiled import compiled


@dataclass(frozen=True)
class Masks:
    """Pixels of each body in each frame: how many, and the means of their columns and rows (from
    the bottom), NaN without any."""

    count: Float[np.ndarray, "batch frames bodies"]
    column: Float[np.ndarray, "batch frames bodies"]
    row: Float[np.ndarray, "batch frames bodies"]
    width: int


def colour_masks(
    pixels: UInt8[np.ndarray, "batch frames height width 3"], *, blue: np.ndarray
) -> Masks:
    """The colour masks; `blue` (batch, bodies) says which bodies are blue, the others are red."""
    sums = np.zeros((*pixels.shape[:2], blue.shape[1], 3))
    _sum_masks(np.ascontiguousarray(pixels), blue, sums)
    count = np.where(sums[..., 0] > 0, sums[..., 0], np.nan)
    return Masks(
        count=sums[..., 0],
        column=sums[..., 1] / count,
        row=sums[..., 2] / count,
        width=pixels.shape[3],
    )


@compiled
@no_type_check
def _sum_masks(pixels: np.ndarray, blue: np.ndarray, sums: np.ndarray) -> None:
    height, width = pixels.shape[2], pixels.shape[3]
    for video in range(pixels.shape[0]):
        for moment in range(pixels.shape[1]):
            for row in range(height):
                for col in range(width):
                    red_value, green, blue_value = pixels[video, moment, row, col]
                    if (
                        green < 127
                        and (red_value > 127) != (blue_value > 127)
                        and red_value != 127
                        and blue_value != 127
                    ):
                        for body in range(blue.shape[1]):
                            if blue[video, body] == (blue_value > 127):
                                sums[video, moment, body, 0] += 1.0
                                sums[video, moment, body, 1] += col
                                sums[video, moment, body, 2] += height - 1 - row
