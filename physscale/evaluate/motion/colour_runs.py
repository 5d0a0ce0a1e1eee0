"""Runs of pixels of one colour in each row of a frame: what connected components are made of.

A pixel's ink (1 - pixel/255) is unmixed into the colours by least squares. It has a colour if its
coverage passes `DETECT` and no more than `FOREIGN` of its ink is unexplained. Eight pixels that are
too pale for any colour cost one comparison. So does a pixel that equals its neighbour."""

from typing import no_type_check

import numpy as np

from physscale.render.compiled import compiled

DETECT = 0.3
"""A body is seen where its coverage passes this fraction of its own ink (at 0.4, a ball of 0.3 m
vanishes in a codec of 32 components)."""

FOREIGN = 0.6
"""A pixel is of another colour where the unexplained part of its ink passes this fraction of the
explained part (an angle of 31°)."""

WHITE = np.uint64(0xFFFFFFFFFFFFFFFF)

GROUP, WORDS = 8, 3
"""Eight pixels are three words."""


@compiled
@no_type_check
def detect_runs(
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
                            runs[colour, run + 1, 0] = row
                            runs[colour, run + 1, 1] = col
                            runs[colour, run + 1, 2] = col + 1
                            number[colour] += 1


@compiled
@no_type_check
def _white_bits(palest: float) -> np.uint64:
    """The leading ones of eight bytes that, where all are set, leave three channels no more ink
    than `palest`."""
    bits = WHITE
    for zeros in range(1, 8):
        if 3.0 * (2**zeros - 1) <= palest:
            bits = np.uint64(0xFF - (2**zeros - 1)) * np.uint64(0x0101010101010101)
    return bits


@compiled
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
    """Which colours a pixel has."""
    mine[:] = False
    if 765.0 - red - green - blue <= palest:
        return
    for colour in range(len(mine)):
        cover = white[colour] - (
            red * scaled[colour, 0] + green * scaled[colour, 1] + blue * scaled[colour, 2]
        )
        mine[colour] = cover > DETECT and not _is_foreign(red, green, blue, foreign)


@compiled
@no_type_check
def _is_foreign(red: float, green: float, blue: float, foreign: np.ndarray) -> bool:
    red, green, blue = 255.0 - red, 255.0 - green, 255.0 - blue
    unexplained = 0.0
    for channel in range(3):
        unexplained += (
            foreign[channel, 0] * red + foreign[channel, 1] * green + foreign[channel, 2] * blue
        ) ** 2
    return unexplained > FOREIGN**2 * (red**2 + green**2 + blue**2 - unexplained)
