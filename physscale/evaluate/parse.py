"""Frames back to states: where each body is, how large, and whether it is there at all.

A pixel's ink (1 - pixel/255) is unmixed into the bodies' colours by least squares, so that coverages of touching balls separate exactly;
ink that no mixture of them explains belongs to none. Per body: pixels above `DETECT` of its ink, their heaviest connected piece, grown by
one pixel; inside it the un-thresholded coverage gives centroid and area. A threshold alone costs a factor of four in the velocity floor,
no component at all is not robust to noise.
"""

import math
from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from physscale.records.scene import WORLD_M
from physscale.records.video import BODY

DETECT = 0.3
"""A body is seen where its coverage passes this fraction of its own ink (at 0.4, a ball of 0.3 m vanishes in a codec of 32 components)."""

FOREIGN = 0.6
"""A pixel is of another colour where the unexplained part of its ink passes this fraction of the explained part (an angle of 31°)."""

WHOLE_TOLERANCE_PX = 0.25
RED = BODY.index("red")


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """Tracks of N bodies in world units, y up, NaN where a body is not seen.

    Attributes:
        seen: the body is there.
        whole: seen, and no edge of the view cuts it (a cut disc's centroid lies off its centre).
    """

    x_m: Float[np.ndarray, "batch frames bodies"]
    y_m: Float[np.ndarray, "batch frames bodies"]
    radius_m: Float[np.ndarray, "batch frames bodies"]
    seen: Bool[np.ndarray, "batch frames bodies"]
    whole: Bool[np.ndarray, "batch frames bodies"]


def parse(pixels: UInt8[np.ndarray, "batch frames size size 3"], *, body: Float32[np.ndarray, "batch bodies 10"]) -> Parsed:
    """One track a body, told by its colour.

    Args:
        pixels: frames, true or generated.
        body: the constants of the bodies that should be there (`records.video.BODY`); their colours must differ in direction.
    """
    colours = unmixing(body)
    moments = np.empty((*pixels.shape[:2], body.shape[1], 3))
    _parse_frames(np.ascontiguousarray(pixels), colours.unmix, colours.foreign, moments)
    size_px = pixels.shape[2]
    x_px, y_px, radius_px = moments[..., 0], moments[..., 1], np.sqrt(moments[..., 2] / math.pi)
    seen = np.isfinite(x_px)
    margin = np.minimum(np.minimum(x_px, size_px - x_px), np.minimum(y_px, size_px - y_px)) - radius_px
    whole = np.where(seen, margin, -np.inf) >= -WHOLE_TOLERANCE_PX
    m_per_px = WORLD_M / size_px
    return Parsed(x_m=x_px * m_per_px, y_m=WORLD_M - y_px * m_per_px, radius_m=radius_px * m_per_px, seen=seen, whole=whole)


@dataclass(frozen=True)
class Unmixing:
    """Linear maps of a pixel's ink: to the coverage by each body, and to the part that their colours do not explain."""

    unmix: Float[np.ndarray, "batch bodies 3"]
    foreign: Float[np.ndarray, "batch 3 3"]


def unmixing(body: Float32[np.ndarray, "batch bodies 10"]) -> Unmixing:
    """The pseudo-inverse of the bodies' inks, and the projector to what is orthogonal to all of them."""
    ink = 1.0 - body[:, :, RED : RED + 3].astype(np.float64) / 255.0
    assert (np.linalg.matrix_rank(ink, tol=1e-3) == ink.shape[1]).all(), "bodies of one colour cannot be told apart by colour"
    unmix = np.linalg.pinv(np.swapaxes(ink, 1, 2))
    return Unmixing(unmix, np.eye(3) - np.swapaxes(ink, 1, 2) @ unmix)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _parse_frames(pixels: np.ndarray, unmix: np.ndarray, foreign: np.ndarray, moments: np.ndarray) -> None:
    """moments[B, T, N, :] = centroid x, y in px (rows downwards) and area in px², or NaN."""
    height, width = pixels.shape[2], pixels.shape[3]
    coverage = np.empty((height, width))
    mark = np.zeros((height, width), np.int32)
    stack = np.empty((height * width, 2), np.int32)
    for video in range(pixels.shape[0]):
        for moment in range(pixels.shape[1]):
            for body in range(unmix.shape[1]):
                _unmix_frame(pixels[video, moment], unmix[video, body], foreign[video], coverage)
                _measure(coverage, mark, stack, moments[video, moment, body])


@numba.njit(cache=True, nogil=True)
@no_type_check
def _unmix_frame(frame: np.ndarray, weights: np.ndarray, foreign: np.ndarray, coverage: np.ndarray) -> None:
    """Coverage of each pixel by one body; 0 where the pixel is of another colour."""
    red, green, blue = weights[0] / 255.0, weights[1] / 255.0, weights[2] / 255.0
    white = 255.0 * (red + green + blue)
    for row in range(frame.shape[0]):
        for col in range(frame.shape[1]):
            coverage[row, col] = white - (frame[row, col, 0] * red + frame[row, col, 1] * green + frame[row, col, 2] * blue)
            if coverage[row, col] > DETECT and _is_foreign(frame[row, col], foreign):
                coverage[row, col] = 0.0


@numba.njit(cache=True, nogil=True)
@no_type_check
def _is_foreign(pixel: np.ndarray, foreign: np.ndarray) -> bool:
    total, unexplained = 0.0, 0.0
    for channel in range(3):
        total += (255.0 - pixel[channel]) ** 2
        part = 0.0
        for other in range(3):
            part += foreign[channel, other] * (255.0 - pixel[other])
        unexplained += part**2
    return unexplained > FOREIGN**2 * (total - unexplained)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _measure(coverage: np.ndarray, mark: np.ndarray, stack: np.ndarray, moments: np.ndarray) -> None:
    """Centroid and area of the heaviest piece of the coverage; `mark` is zero before and after."""
    height, width = coverage.shape
    heaviest, best, pieces = 0.0, 0, 0
    box = np.empty(4, np.int64)
    best_box = np.empty(4, np.int64)
    for row in range(height):
        for col in range(width):
            if coverage[row, col] > DETECT and mark[row, col] == 0:
                pieces += 1
                weight = _flood(coverage, mark, stack, row, col, pieces, box)
                if weight > heaviest:
                    heaviest, best = weight, pieces
                    best_box[:] = box
    moments[:] = np.nan
    if pieces > 0:
        _moments(coverage, mark, best, best_box, moments)
        mark[:] = 0


@numba.njit(cache=True, nogil=True)
@no_type_check
def _flood(coverage: np.ndarray, mark: np.ndarray, stack: np.ndarray, first_row: int, first_col: int, piece: int, box: np.ndarray) -> float:
    """Marks the 8-connected piece around a pixel, sets its box (rows, columns; grown by one pixel) and returns its total coverage."""
    height, width = coverage.shape
    stack[0, 0], stack[0, 1] = first_row, first_col
    mark[first_row, first_col] = piece
    waiting, weight = 1, 0.0
    box[0], box[1], box[2], box[3] = height, 0, width, 0
    while waiting > 0:
        waiting -= 1
        row, col = stack[waiting, 0], stack[waiting, 1]
        weight += coverage[row, col]
        top, bottom, left, right = max(row - 1, 0), min(row + 2, height), max(col - 1, 0), min(col + 2, width)
        box[0], box[1], box[2], box[3] = min(box[0], top), max(box[1], bottom), min(box[2], left), max(box[3], right)
        for near_row in range(top, bottom):
            for near_col in range(left, right):
                if mark[near_row, near_col] == 0 and coverage[near_row, near_col] > DETECT:
                    mark[near_row, near_col] = piece
                    stack[waiting, 0], stack[waiting, 1] = near_row, near_col
                    waiting += 1
    return weight


@numba.njit(cache=True, nogil=True)
@no_type_check
def _moments(coverage: np.ndarray, mark: np.ndarray, piece: int, box: np.ndarray, moments: np.ndarray) -> None:
    """Sums over the piece grown by one pixel; a pixel of another piece is left out."""
    height, width = coverage.shape
    area, along_x, along_y = 0.0, 0.0, 0.0
    for row in range(box[0], box[1]):
        for col in range(box[2], box[3]):
            inside = mark[row, col] == piece
            if mark[row, col] == 0:
                for near_row in range(max(row - 1, 0), min(row + 2, height)):
                    for near_col in range(max(col - 1, 0), min(col + 2, width)):
                        inside |= mark[near_row, near_col] == piece
            if inside:
                area += coverage[row, col]
                along_x += coverage[row, col] * (col + 0.5)
                along_y += coverage[row, col] * (row + 0.5)
    moments[0], moments[1], moments[2] = along_x / area, along_y / area, area
