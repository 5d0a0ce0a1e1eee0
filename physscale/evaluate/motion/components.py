"""The connected components of each colour in each frame, measured by their coverage.
`evaluate.motion.track` finds balls among them.

Components are 8-connected. Each is grown by one pixel, and inside it the un-thresholded coverage
gives area, centroid and second moments."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int64, UInt8

from physscale.evaluate.motion.colour_runs import DETECT, detect_runs
from physscale.records.errors import UserError
from physscale.render.compiled import compiled

MOMENTS = ("x_px", "y_px", "area_px", "xx_px", "yy_px", "xy_px", "red", "green", "blue")
X, Y, AREA, XX, YY, XY = range(6)
MOST = 8
"""Components of one colour that are kept, the heaviest first."""


@dataclass(frozen=True)
class Unmixing:
    """Linear maps of a pixel's ink: to the coverage by each colour, and to the part that the
    colours do not explain."""

    unmix: Float[np.ndarray, "batch colours 3"]
    foreign: Float[np.ndarray, "batch 3 3"]


@dataclass(frozen=True)
class Components:
    """The components of each colour, heaviest first.

    Attributes:
        count: how many there are; more than `MOST` are counted, not measured.
        moments: `MOMENTS` (rows downwards; central second moments per area; mean colour of the
            inner pixels, NaN without any), NaN beyond.
    """

    count: Int64[np.ndarray, "batch frames colours"]
    moments: Float[np.ndarray, "batch frames colours 8 9"]


def unmixing(colours: Float[np.ndarray, "batch colours 3"]) -> Unmixing:
    """The pseudo-inverse of the colours' inks, and the projector to what is orthogonal to all of
    them.

    Raises:
        UserError: where the inks of colours make one another (black and grey; red, green and
            yellow), or a colour has no ink.
    """
    ink = 1.0 - colours / 255.0
    if (np.linalg.matrix_rank(ink, tol=1e-3) < ink.shape[1]).any():
        raise UserError(
            "bodies of these rows have colours that cannot be told apart in a picture (grey and "
            "black, as PHYRE's): their motion is not measured; `physscale detect` and "
            "`physscale compare-videos` work without"
        )
    unmix = np.linalg.pinv(np.swapaxes(ink, 1, 2))
    return Unmixing(unmix, np.eye(3) - np.swapaxes(ink, 1, 2) @ unmix)


def find_components(
    pixels: UInt8[np.ndarray, "batch frames size size 3"], *, maps: Unmixing
) -> Components:
    """All components of all frames."""
    frames = np.ascontiguousarray(pixels)
    shape = (*frames.shape[:2], maps.unmix.shape[1])
    count, moments = np.zeros(shape, np.int64), np.full((*shape, MOST, len(MOMENTS)), np.nan)
    lines = frames.reshape(*frames.shape[:3], -1)
    words = (
        lines.view(np.uint64)
        if lines.shape[-1] % 8 == 0
        else np.zeros((*lines.shape[:3], 0), np.uint64)
    )
    _find(frames, words, maps.unmix, maps.foreign, count, moments)
    return Components(count, moments)


@compiled
@no_type_check
def _find(
    pixels: np.ndarray,
    words: np.ndarray,
    unmix: np.ndarray,
    foreign: np.ndarray,
    count: np.ndarray,
    moments: np.ndarray,
) -> None:
    height, width, colours = pixels.shape[2], pixels.shape[3], unmix.shape[1]
    most = height * (width // 2 + 1)
    there, stamp = np.zeros((colours, height, width), np.bool_), np.zeros((height, width), np.int64)
    runs, number = np.empty((colours, most, 3), np.int64), np.empty(colours, np.int64)
    parent, sums = np.empty(most, np.int64), np.empty((most, 10))
    stamps = 0
    for video in range(pixels.shape[0]):
        scaled, white = unmix[video] / 255.0, unmix[video].sum(axis=1)
        palest = 255.0 * DETECT / max(unmix[video].max(), 1e-9)
        for moment in range(pixels.shape[1]):
            frame = pixels[video, moment]
            detect_runs(
                frame,
                words[video, moment],
                scaled,
                white,
                foreign[video],
                palest,
                there,
                runs,
                number,
            )
            for colour in range(colours):
                some = runs[colour, : number[colour]]
                _join(some, parent)
                stamps += 1
                found = _sum_runs(
                    frame,
                    scaled[colour],
                    white[colour],
                    there[colour],
                    some,
                    parent,
                    sums,
                    stamp,
                    stamps * most,
                )
                count[video, moment, colour] = found
                _heaviest(sums, number[colour], moments[video, moment, colour])
                for run in range(number[colour]):
                    there[colour, some[run, 0], some[run, 1] : some[run, 2]] = False


@compiled
@no_type_check
def _join(runs: np.ndarray, parent: np.ndarray) -> None:
    """parent[run] = the first run of its 8-connected component."""
    above = 0
    for run in range(len(runs)):
        parent[run] = run
        row, first, end = runs[run, 0], runs[run, 1], runs[run, 2]
        while above < run and (
            runs[above, 0] < row - 1 or (runs[above, 0] == row - 1 and runs[above, 2] < first)
        ):
            above += 1
        other = above
        while other < run and runs[other, 0] == row - 1 and runs[other, 1] <= end:
            left, right = _root(parent, other), _root(parent, run)
            parent[max(left, right)] = min(left, right)
            other += 1
    for run in range(len(runs)):
        parent[run] = _root(parent, run)


@compiled
@no_type_check
def _root(parent: np.ndarray, run: int) -> int:
    while parent[run] != run:
        run = parent[run]
    return run


@compiled
@no_type_check
def _sum_runs(
    frame: np.ndarray,
    scaled: np.ndarray,
    white: float,
    there: np.ndarray,
    runs: np.ndarray,
    parent: np.ndarray,
    sums: np.ndarray,
    stamp: np.ndarray,
    first_stamp: int,
) -> int:
    """sums[root] = coverage, its moments, and colours of the inner pixels, of the component and the
    pixels around it; returns how many."""
    height, width = there.shape
    found = 0
    for run in range(len(runs)):
        if parent[run] == run:
            sums[run] = 0.0
            found += 1
    order = np.arange(len(runs)) if found < 2 else np.argsort(parent[: len(runs)], kind="mergesort")
    for run in order:  # component by component, so one stamp per component is enough
        row, first, end, component = runs[run, 0], runs[run, 1], runs[run, 2], parent[run]
        for near in range(max(row - 1, 0), min(row + 2, height)):
            plain, along, square = 0.0, 0.0, 0.0
            for col in range(max(first - 1, 0), min(end + 1, width)):
                mine = near == row and first <= col < end
                if not mine and (there[near, col] or stamp[near, col] == first_stamp + component):
                    continue
                cover = white - (
                    frame[near, col, 0] * scaled[0]
                    + frame[near, col, 1] * scaled[1]
                    + frame[near, col, 2] * scaled[2]
                )
                if not mine:
                    stamp[near, col] = first_stamp + component
                    if cover > DETECT:  # and yet not there: of another colour
                        continue
                x = col + 0.5
                plain += cover
                along += cover * x
                square += cover * x * x
            y = near + 0.5
            sums[component, 0] += plain
            sums[component, 1] += along
            sums[component, 2] += y * plain
            sums[component, 3] += square
            sums[component, 4] += y * y * plain
            sums[component, 5] += y * along
        if 0 < row < height - 1:
            inner, reds, greens, blues = 0, 0, 0, 0
            for col in range(first + 1, end - 1):
                if there[row - 1, col] and there[row + 1, col]:
                    inner += 1
                    reds += np.int64(frame[row, col, 0])
                    greens += np.int64(frame[row, col, 1])
                    blues += np.int64(frame[row, col, 2])
            sums[component, 6] += inner
            sums[component, 7] += reds
            sums[component, 8] += greens
            sums[component, 9] += blues
    for run in range(len(runs)):
        if parent[run] != run:
            sums[run, 0] = -1.0
    return found


@compiled
@no_type_check
def _heaviest(sums: np.ndarray, number: int, moments: np.ndarray) -> None:
    """`MOMENTS` of the heaviest components, by falling coverage."""
    for place in range(MOST):
        best = -1
        for run in range(number):
            if sums[run, 0] > 0.0 and (best < 0 or sums[run, 0] > sums[best, 0]):
                best = run
        if best < 0:
            return
        area = sums[best, 0]
        x, y = sums[best, 1] / area, sums[best, 2] / area
        moments[place, 0], moments[place, 1], moments[place, 2] = x, y, area
        moments[place, 3] = sums[best, 3] / area - x * x
        moments[place, 4] = sums[best, 4] / area - y * y
        moments[place, 5] = sums[best, 5] / area - x * y
        if sums[best, 6] > 0.0:
            for channel in range(3):
                moments[place, 6 + channel] = sums[best, 7 + channel] / sums[best, 6]
        sums[best, 0] = -1.0
