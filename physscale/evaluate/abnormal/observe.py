"""What the frames show, whatever they should show: the components of each colour, with place, area,
roundness and strength.

Least squares unmix a pixel's ink (1 - pixel/255) into the bodies' colours. Components are connected
pixels above `DETECT`. All of them count, and so does the ink that no body's colour explains."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float32, UInt8

from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY
from physscale.render.compiled import compiled

DETECT = 0.3
RED = BODY.index("red")
X, Y, AREA, ELONGATION, SPREAD, EXTRA, LEVEL = range(7)


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Per body the heaviest component of its colour, in world units, NaN where there is none.

    Attributes:
        elongation: √((μ₂₀ - μ₀₂)² + 4 μ₁₁²) / (μ₂₀ + μ₀₂), 0 for a disc.
        spread: 2π (μ₂₀ + μ₀₂) / area² - 1, 0 for a full disc.
        extra_m2: area of all other components of the colour.
        level: mean ink of the component's middle, 1 for the body's own colour.
        foreign_m2: ink of no body's colour, as an area.
    """

    x_m: Float[np.ndarray, "batch frames bodies"]
    y_m: Float[np.ndarray, "batch frames bodies"]
    area_m2: Float[np.ndarray, "batch frames bodies"]
    elongation: Float[np.ndarray, "batch frames bodies"]
    spread: Float[np.ndarray, "batch frames bodies"]
    extra_m2: Float[np.ndarray, "batch frames bodies"]
    level: Float[np.ndarray, "batch frames bodies"]
    foreign_m2: Float[np.ndarray, "batch frames"]


def observe(
    pixels: UInt8[np.ndarray, "batch frames size size 3"],
    *,
    body: Float32[np.ndarray, "batch bodies constants"],
) -> Observed:
    """All components of every frame.

    Raises:
        UserError: for bodies whose colours do not differ in direction.
    """
    ink = 1.0 - body[:, :, RED : RED + 3].astype(np.float64) / 255.0
    if not (np.linalg.matrix_rank(ink, tol=1e-3) == ink.shape[1]).all():
        raise UserError("detector: two bodies of one colour cannot be told apart by colour")
    inks = np.swapaxes(ink, 1, 2)
    unmix = np.linalg.pinv(inks)
    found = np.full((*pixels.shape[:2], body.shape[1], 7), np.nan)
    foreign = np.zeros(pixels.shape[:2])
    _observe(
        np.ascontiguousarray(pixels),
        unmix / 255.0,
        (np.eye(3) - inks @ unmix) / 255.0,
        found,
        foreign,
    )
    m_per_px = WORLD_M / pixels.shape[2]
    return Observed(
        x_m=found[..., X] * m_per_px,
        y_m=WORLD_M - found[..., Y] * m_per_px,
        area_m2=found[..., AREA] * m_per_px**2,
        elongation=found[..., ELONGATION],
        spread=found[..., SPREAD],
        extra_m2=found[..., EXTRA] * m_per_px**2,
        level=found[..., LEVEL],
        foreign_m2=foreign * m_per_px**2,
    )


@compiled
@no_type_check
def _observe(
    pixels: np.ndarray,
    unmix: np.ndarray,
    foreign: np.ndarray,
    found: np.ndarray,
    unexplained: np.ndarray,
) -> None:
    height, width = pixels.shape[2], pixels.shape[3]
    coverage = np.empty((height, width))
    mark = np.zeros((height, width), np.int32)
    stack = np.empty(height * width, np.int64)
    for video in range(pixels.shape[0]):
        for moment in range(pixels.shape[1]):
            frame = pixels[video, moment]
            for body in range(unmix.shape[1]):
                weights = unmix[video, body]
                for row in range(height):
                    for col in range(width):
                        coverage[row, col] = (
                            (255.0 - frame[row, col, 0]) * weights[0]
                            + (255.0 - frame[row, col, 1]) * weights[1]
                            + (255.0 - frame[row, col, 2]) * weights[2]
                        )
                _measure(coverage, mark, stack, found[video, moment, body])
            unexplained[video, moment] = _foreign_ink(frame, foreign[video])


@compiled
@no_type_check
def _foreign_ink(frame: np.ndarray, foreign: np.ndarray) -> float:
    """The ink of no body's colour, summed over the pixels where it exceeds noise (a tenth of full
    ink)."""
    total = 0.0
    for row in range(frame.shape[0]):
        for col in range(frame.shape[1]):
            square = 0.0
            for channel in range(3):
                part = 0.0
                for other in range(3):
                    part += foreign[channel, other] * (255.0 - frame[row, col, other])
                square += part * part
            if square > 0.01:
                total += np.sqrt(square)
    return total


@compiled
@no_type_check
def _measure(coverage: np.ndarray, mark: np.ndarray, stack: np.ndarray, out: np.ndarray) -> None:
    """The heaviest component's moments and the weight of the others."""
    height, width = coverage.shape
    mark[:] = 0
    components, best, heaviest, total = 0, 0, 0.0, 0.0
    for row in range(height):
        for col in range(width):
            if coverage[row, col] > DETECT and mark[row, col] == 0:
                components += 1
                weight = _flood(coverage, mark, stack, row, col, components)
                total += weight
                if weight > heaviest:
                    heaviest, best = weight, components
    out[EXTRA] = total - heaviest
    if components > 0:
        _moments(coverage, mark, best, out)


@compiled
@no_type_check
def _flood(
    coverage: np.ndarray,
    mark: np.ndarray,
    stack: np.ndarray,
    first_row: int,
    first_col: int,
    component: int,
) -> float:
    height, width = coverage.shape
    stack[0] = first_row * width + first_col
    mark[first_row, first_col] = component
    waiting, weight = 1, 0.0
    while waiting > 0:
        waiting -= 1
        row, col = stack[waiting] // width, stack[waiting] % width
        weight += coverage[row, col]
        for near_row in range(max(row - 1, 0), min(row + 2, height)):
            for near_col in range(max(col - 1, 0), min(col + 2, width)):
                if mark[near_row, near_col] == 0 and coverage[near_row, near_col] > DETECT:
                    mark[near_row, near_col] = component
                    stack[waiting] = near_row * width + near_col
                    waiting += 1
    return weight


@compiled
@no_type_check
def _moments(coverage: np.ndarray, mark: np.ndarray, component: int, out: np.ndarray) -> None:
    """Sums over the component grown by one pixel. The level is taken over its inner pixels, which
    touch no pixel outside it."""
    height, width = coverage.shape
    area, sx, sy, sxx, syy, sxy, inner, count = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0
    for row in range(height):
        for col in range(width):
            near, full = False, True
            for near_row in range(max(row - 1, 0), min(row + 2, height)):
                for near_col in range(max(col - 1, 0), min(col + 2, width)):
                    if mark[near_row, near_col] == component:
                        near = True
                    else:
                        full = False
            if near and (mark[row, col] == component or mark[row, col] == 0):
                ink, x, y = coverage[row, col], col + 0.5, row + 0.5
                area += ink
                sx += ink * x
                sy += ink * y
                sxx += ink * (x * x + 1.0 / 12.0)
                syy += ink * (y * y + 1.0 / 12.0)
                sxy += ink * x * y
            if full:
                inner += coverage[row, col]
                count += 1
    x, y = sx / area, sy / area
    mxx, myy, mxy = sxx - area * x * x, syy - area * y * y, sxy - area * x * y
    out[X], out[Y], out[AREA] = x, y, area
    out[ELONGATION] = np.sqrt((mxx - myy) ** 2 + 4.0 * mxy * mxy) / (mxx + myy)
    out[SPREAD] = 2.0 * np.pi * (mxx + myy) / (area * area) - 1.0
    out[LEVEL] = inner / count if count > 0 else np.nan
