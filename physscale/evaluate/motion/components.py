"""The connected pieces of each colour in each frame, measured by their coverage; what
`evaluate.parse` reads balls from.

A pixel's ink (1 - pixel/255) is unmixed into the colours by least squares; it is of a colour where
its coverage passes `DETECT` and no more than `FOREIGN` of its ink is unexplained. Pieces are
8-connected; each is grown by one pixel, and inside it the un-thresholded coverage gives area,
centroid and second moments. Eight pixels too pale for any colour cost one comparison, one like its
neighbour another."""

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int64, UInt8

DETECT = 0.3
"""A body is seen where its coverage passes this fraction of its own ink (at 0.4, a ball of 0.3 m
vanishes in a codec of 32 components)."""

FOREIGN = 0.6
"""A pixel is of another colour where the unexplained part of its ink passes this fraction of the
explained part (an angle of 31°)."""

MOMENTS = ("x_px", "y_px", "area_px", "xx_px", "yy_px", "xy_px", "red", "green", "blue")
MOST = 8
"""Pieces of one colour that are kept, the heaviest first."""

WHITE = np.uint64(0xFFFFFFFFFFFFFFFF)
GROUP, WORDS = 8, 3
"""Eight pixels are three words."""


@dataclass(frozen=True)
class Unmixing:
    """Linear maps of a pixel's ink: to the coverage by each colour, and to the part that the
    colours do not explain."""

    unmix: Float[np.ndarray, "batch colours 3"]
    foreign: Float[np.ndarray, "batch 3 3"]


@dataclass(frozen=True)
class Pieces:
    """The pieces of each colour, heaviest first.

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
        AssertionError: where two colours have the same direction of ink (two strengths of one red).
    """
    ink = 1.0 - colours / 255.0
    assert (np.linalg.matrix_rank(ink, tol=1e-3) == ink.shape[1]).all(), (
        "bodies of one colour cannot be told apart by colour"
    )
    unmix = np.linalg.pinv(np.swapaxes(ink, 1, 2))
    return Unmixing(unmix, np.eye(3) - np.swapaxes(ink, 1, 2) @ unmix)


def find_pieces(pixels: UInt8[np.ndarray, "batch frames size size 3"], *, maps: Unmixing) -> Pieces:
    """All pieces of all frames."""
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
    return Pieces(count, moments)


@numba.njit(cache=True, nogil=True)
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
            _detect(
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


@numba.njit(cache=True, nogil=True)
@no_type_check
def _detect(
    frame: np.ndarray,
    words: np.ndarray,
    scaled: np.ndarray,
    white: np.ndarray,
    foreign: np.ndarray,
    palest: float,
    there: np.ndarray,
    runs: np.ndarray,
    number: np.ndarray,
) -> None:
    """Runs (row, first column, end) of each colour in row order, and `there` where they are."""
    height, width, colours = frame.shape[0], frame.shape[1], scaled.shape[0]
    group = GROUP if words.shape[1] > 0 else width
    white_bits = _white_bits(palest)
    mine = np.zeros(colours, np.bool_)
    last_red, last_green, last_blue = 255, 255, 255
    number[:] = 0
    for row in range(height):
        for begin in range(0, width, group):
            if words.shape[1] > 0:
                word = begin // GROUP * WORDS
                if (
                    words[row, word] & words[row, word + 1] & words[row, word + 2] & white_bits
                    == white_bits
                ):
                    continue
            for col in range(begin, begin + group):
                red, green, blue = frame[row, col, 0], frame[row, col, 1], frame[row, col, 2]
                if red != last_red or green != last_green or blue != last_blue:
                    last_red, last_green, last_blue = red, green, blue
                    _whose(
                        np.float64(red),
                        np.float64(green),
                        np.float64(blue),
                        scaled,
                        white,
                        foreign,
                        palest,
                        mine,
                    )
                for colour in range(colours):
                    if mine[colour]:
                        there[colour, row, col] = True
                        run = number[colour] - 1
                        if run >= 0 and runs[colour, run, 0] == row and runs[colour, run, 2] == col:
                            runs[colour, run, 2] = col + 1
                        else:
                            (
                                runs[colour, run + 1, 0],
                                runs[colour, run + 1, 1],
                                runs[colour, run + 1, 2],
                            ) = row, col, col + 1
                            number[colour] += 1


@numba.njit(cache=True, nogil=True)
@no_type_check
def _white_bits(palest: float) -> np.uint64:
    """The leading ones of eight bytes that, where all are set, leave three channels no more ink
    than `palest`."""
    bits = WHITE
    for zeros in range(1, 8):
        if 3.0 * (2**zeros - 1) <= palest:
            bits = np.uint64(0xFF - (2**zeros - 1)) * np.uint64(0x0101010101010101)
    return bits


@numba.njit(cache=True, nogil=True)
@no_type_check
def _whose(
    red: float,
    green: float,
    blue: float,
    scaled: np.ndarray,
    white: np.ndarray,
    foreign: np.ndarray,
    palest: float,
    mine: np.ndarray,
) -> None:
    """Which colours a pixel is of."""
    mine[:] = False
    if 765.0 - red - green - blue <= palest:
        return
    for colour in range(len(mine)):
        cover = white[colour] - (
            red * scaled[colour, 0] + green * scaled[colour, 1] + blue * scaled[colour, 2]
        )
        mine[colour] = cover > DETECT and not _is_foreign(red, green, blue, foreign)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _is_foreign(red: float, green: float, blue: float, foreign: np.ndarray) -> bool:
    red, green, blue = 255.0 - red, 255.0 - green, 255.0 - blue
    unexplained = 0.0
    for channel in range(3):
        unexplained += (
            foreign[channel, 0] * red + foreign[channel, 1] * green + foreign[channel, 2] * blue
        ) ** 2
    return unexplained > FOREIGN**2 * (red**2 + green**2 + blue**2 - unexplained)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _join(runs: np.ndarray, parent: np.ndarray) -> None:
    """parent[run] = the first run of its 8-connected piece."""
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


@numba.njit(cache=True, nogil=True)
@no_type_check
def _root(parent: np.ndarray, run: int) -> int:
    while parent[run] != run:
        run = parent[run]
    return run


@numba.njit(cache=True, nogil=True)
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
    """sums[root] = coverage, its moments, and colours of the inner pixels, of the piece and the
    pixels around it; returns how many."""
    height, width = there.shape
    found = 0
    for run in range(len(runs)):
        if parent[run] == run:
            sums[run] = 0.0
            found += 1
    order = np.arange(len(runs)) if found < 2 else np.argsort(parent[: len(runs)], kind="mergesort")
    for run in order:  # piece by piece, so that one stamp a piece is enough
        row, first, end, piece = runs[run, 0], runs[run, 1], runs[run, 2], parent[run]
        for near in range(max(row - 1, 0), min(row + 2, height)):
            plain, along, square = 0.0, 0.0, 0.0
            for col in range(max(first - 1, 0), min(end + 1, width)):
                mine = near == row and first <= col < end
                if not mine and (there[near, col] or stamp[near, col] == first_stamp + piece):
                    continue
                cover = white - (
                    frame[near, col, 0] * scaled[0]
                    + frame[near, col, 1] * scaled[1]
                    + frame[near, col, 2] * scaled[2]
                )
                if not mine:
                    stamp[near, col] = first_stamp + piece
                    if cover > DETECT:  # and yet not there: of another colour
                        continue
                x = col + 0.5
                plain += cover
                along += cover * x
                square += cover * x * x
            y = near + 0.5
            sums[piece, 0] += plain
            sums[piece, 1] += along
            sums[piece, 2] += y * plain
            sums[piece, 3] += square
            sums[piece, 4] += y * y * plain
            sums[piece, 5] += y * along
        if 0 < row < height - 1:
            inner, reds, greens, blues = 0, 0, 0, 0
            for col in range(first + 1, end - 1):
                if there[row - 1, col] and there[row + 1, col]:
                    inner += 1
                    reds += np.int64(frame[row, col, 0])
                    greens += np.int64(frame[row, col, 1])
                    blues += np.int64(frame[row, col, 2])
            sums[piece, 6] += inner
            sums[piece, 7] += reds
            sums[piece, 8] += greens
            sums[piece, 9] += blues
    for run in range(len(runs)):
        if parent[run] != run:
            sums[run, 0] = -1.0
    return found


@numba.njit(cache=True, nogil=True)
@no_type_check
def _heaviest(sums: np.ndarray, number: int, moments: np.ndarray) -> None:
    """`MOMENTS` of the heaviest pieces, by falling coverage."""
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
        moments[place, 3], moments[place, 4] = (
            sums[best, 3] / area - x * x,
            sums[best, 4] / area - y * y,
        )
        moments[place, 5] = sums[best, 5] / area - x * y
        if sums[best, 6] > 0.0:
            for channel in range(3):
                moments[place, 6 + channel] = sums[best, 7 + channel] / sums[best, 6]
        sums[best, 0] = -1.0
