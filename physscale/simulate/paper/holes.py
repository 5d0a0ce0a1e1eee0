"""The official files with something left out: speed gaps of one ball, holes in the pairs of two
(arXiv 2411.02385, square_out scripts).

Borders belong to what is left out, compared in double precision as there: 3.9 of a `linspace` is
above 3.9, so `hole_1.1_3.9` keeps 257,985 scenes (as its file's name says) and `hole_three_squares`
1,183,203, where exact arithmetic gives fewer."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from physscale.simulate.paper.files import (
    KEEP_ALL,
    OLD_COLLISION,
    RADII,
    SLOW_TO_FAST,
    SMALL_CHUNK,
    SMALL_TO_LARGE,
    SPEEDS,
    Chosen,
    Recipe,
    Rows,
)
from physscale.simulate.paper.grids import RADIUS_M, SEED, SPEED_M_S, crossed
from physscale.simulate.paper.starts import TRIES

Band = tuple[float, float]


def _one_ball(*blocks: tuple[np.ndarray, np.ndarray]) -> Rows:
    """Crossed (radii, speeds), each block shuffled; red discs."""
    rng = np.random.RandomState(SEED)
    rows = np.concatenate([crossed(rng, (radii, speeds)) for radii, speeds in blocks])
    return np.column_stack([rows, np.zeros((len(rows), 2))])


def _within(
    values: Float[np.ndarray, "rows axes"], *, boxes: Sequence[Sequence[Band]]
) -> Bool[np.ndarray, " rows"]:
    """Which points lie in any of the boxes, given by a band per axis; borders belong to them."""
    low, high = np.moveaxis(np.array(boxes), -1, 0)
    return ((low <= values[:, None]) & (values[:, None] <= high)).all(2).any(1)


def _cut_gap(low: float, high: float, *, speeds: int = SPEEDS, radii: int = RADII) -> Recipe:
    """A file without the speeds from `low` to `high`, both included."""

    def rows() -> Rows:
        whole = _grid(radii, speeds=speeds)
        return whole[~_within(whole[:, 1:2], boxes=[[(low, high)]])]

    return Recipe(rows)


def _kept_bands(*bands: Band, speeds: int = SPEEDS, radii: int = RADII) -> Recipe:
    def rows() -> Rows:
        whole = _grid(radii, speeds=speeds)
        return whole[_within(whole[:, 1:2], boxes=[[band] for band in bands])]

    return Recipe(rows)


def _grid(radii: int, *, speeds: int) -> Rows:
    return _one_ball((np.linspace(*SMALL_TO_LARGE, radii), np.linspace(*SLOW_TO_FAST, speeds)))


def _beyond(slow: int) -> Callable[[], Rows]:
    r, fast = np.linspace(*SMALL_TO_LARGE, 36), np.linspace(4.0, 6.0, 81)
    return lambda: _one_ball((r, np.linspace(0.0, 1.0, slow)), (r, fast))


GAP_FILES: dict[str, Recipe] = {
    "gap_1.25_3.75": _cut_gap(1.25, 3.75, speeds=2001, radii=601),
    "gap_1.5_3.5": _cut_gap(1.5, 3.5),
    "gap_1.75_3.25": _cut_gap(1.75, 3.25),
    "gap_2_3": _cut_gap(2.0, 3.0),
    "gap_1.25_3.75_head": _cut_gap(1.25, 3.75),
    "gap_three_strips_head": _kept_bands((1.0, 1.25), (2.375, 2.625), (3.75, 4.0)),
    "gap_three_strips": _kept_bands(
        (1.0, 1.25), (2.375, 2.625), (3.75, 4.0), speeds=1500, radii=450
    ),
    "gap_four_strips": _kept_bands((1.0, 1.25), (1.875, 2.125), (2.875, 3.125), (3.75, 4.0)),
    "gap_eval": Recipe(lambda: _grid(36, speeds=121), chunk=SMALL_CHUNK),
    "gap_beyond_eval": Recipe(_beyond(41), chunk=SMALL_CHUNK),
    "gap_beyond_5.8k_eval": Recipe(_beyond(81), chunk=SMALL_CHUNK),
}
"""`beyond`: speeds below 1 and above 4; 5.8K is the older list, whose name the official evaluation
uses. `head`: as the head of the code makes the file, from fewer values than the published one."""


def _pairs(*axes: np.ndarray) -> Rows:
    return crossed(np.random.RandomState(SEED), axes)


def _old_grid(level: str) -> Recipe:
    speeds, radii = OLD_COLLISION[level]

    def rows() -> Rows:
        v, r = np.linspace(*SPEED_M_S, speeds), np.linspace(*RADIUS_M["collision"], radii)
        return _pairs(r, r, v, v)

    return Recipe(rows, balls=2, dropped_from=KEEP_ALL)


def _cut_pairs(*holes: tuple[Band, Band], first: int) -> Recipe:
    """The 61² × 21² grid without these (left, right) rectangles; `first` is the column of the left
    body."""
    return _old(lambda rows: ~_within(rows[:, first : first + 2], boxes=holes))


def _old(chosen: Chosen) -> Recipe:
    return replace(_old_grid("1.6m"), chosen=chosen)


def _slow_arm(rows: Rows) -> Bool[np.ndarray, " rows"]:
    """At least one of the two is no faster than 1.25."""
    return (rows[:, 2] <= 1.25) | (rows[:, 3] <= 1.25)


def _test_grid(
    *, left_radii: np.ndarray, left_speeds: np.ndarray, right_speeds: np.ndarray
) -> Recipe:
    right_radii = np.linspace(*RADIUS_M["collision"], 5)
    return Recipe(
        lambda: _pairs(left_radii, right_radii, left_speeds, right_speeds),
        balls=2,
        chunk=SMALL_CHUNK,
        contact_frames=4,
        dropped_from=TRIES,
    )


_V, _R = np.linspace(*SPEED_M_S, 13), np.linspace(*RADIUS_M["collision"], 5)
SPEED_TEST = _test_grid(left_radii=_R, left_speeds=np.linspace(0.0, 4.5, 21), right_speeds=_V)
MASS_TEST = _test_grid(left_radii=np.linspace(0.5, 2.0, 7), left_speeds=_V, right_speeds=_V)

HOLE_FILES: dict[str, Recipe] = {
    "hole_2_3": _cut_pairs(((2.0, 3.0), (2.0, 3.0)), first=2),
    "hole_three_squares": _cut_pairs(
        ((1.2, 2.2), (2.7, 3.7)), ((2.7, 3.7), (1.2, 2.2)), ((2.9, 3.5), (3.3, 3.9)), first=2
    ),
    "hole_1.75_3.25": _cut_pairs(((1.75, 3.25), (1.75, 3.25)), first=2),
    "hole_1.5_3.5": _cut_pairs(((1.5, 3.5), (1.5, 3.5)), first=2),
    "hole_1.25_3.75": _cut_pairs(((1.25, 3.75), (1.25, 3.75)), first=2),
    "hole_1.1_3.9": _cut_pairs(((1.1, 3.9), (1.1, 3.9)), first=2),
    "hole_l_shape": _old(_slow_arm),
    "hole_mass_0.8_1.2": _cut_pairs(((0.8, 1.2), (0.8, 1.2)), first=0),
}
OLD_FILES = {f"collision_{level}": _old_grid(level) for level in OLD_COLLISION}
