"""The other official files of arXiv 2411.02385 row by row: attribute pairs, controls, speed gaps,
collision holes, and their test sets.

As its generators (id_ood_data of its repository) make them: values by `linspace`, blocks shuffled
one by one and then all together by NumPy's legacy generator with seed 42. Where no script was
released, the list agrees with what is known of the file, and the rest is assumed: `colour_shape`
(600K, 1.4K) crosses the same radii and speeds as the other pairs; the base grid of `gap_1.25_3.75`
(200.7K) is the roundest one that gives the file's count; holes are cut into the older 61² × 21²
collision grid, which kept every scene."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from physscale.simulate.paper.grids import SEED, crossed, training_set
from physscale.simulate.paper.starts import CHUNK, CONTACT_FRAMES, DROPPED_FROM, TRIES

SLOW_TO_FAST, SMALL_TO_LARGE = (1.0, 4.0), (0.7, 1.4)
MIDDLE_SPEED, MIDDLE_RADIUS = 2.5, 1.05
SMALL_CHUNK = 100
KEEP_ALL = TRIES + 1
RED, BLUE, DISC, SQUARE = 0.0, 1.0, 0.0, 1.0
SPEEDS, RADII = 1000, 300
OLD_COLLISION = {"10k": (16, 6), "110k": (31, 11), "1.6m": (61, 21)}
"""Speeds and radii of the first collision files, whose names live on in the official evaluation."""

Rows = Float[np.ndarray, "rows 4"]
Chosen = Callable[[Rows], Bool[np.ndarray, " rows"]]


@dataclass(frozen=True)
class Recipe:
    """How one file is made.

    Attributes:
        rows: (r, v, colour, shape) of one ball (colour 1 is blue, shape 1 a square) or (r₁, r₂, v₁,
            v₂) of two.
        chunk: scenes until the generator starts again from its seed.
        contact_frames, dropped_from: whole frames before a hit, and the number of failed tries that
            drops a scene.
        chosen: which rows of the finished list are kept; their positions do not change.
    """

    rows: Callable[[], Rows]
    balls: int = 1
    chunk: int = CHUNK
    contact_frames: int = CONTACT_FRAMES
    dropped_from: int = DROPPED_FROM
    chosen: Chosen | None = None


def _blocks(*blocks: tuple[np.ndarray, np.ndarray, float, float]) -> Rows:
    """Crossed (radii, speeds) with a colour and a shape each, shuffled one by one and then
    together."""
    rng = np.random.RandomState(SEED)
    made = []
    for radii, speeds, colour, shape in blocks:
        rows = crossed(rng, (radii, speeds))
        made.append(np.column_stack([rows, np.full(len(rows), colour), np.full(len(rows), shape)]))
    together = np.concatenate(made)
    order = np.arange(len(together))
    rng.shuffle(order)
    return together[order]


def _halves(
    ends: tuple[float, float], *, middle: float, count: int
) -> tuple[np.ndarray, np.ndarray]:
    return np.linspace(ends[0], middle, count), np.linspace(middle, ends[1], count)


def _sized(
    count: int, *, speeds: int, levels: Sequence[tuple[int, float, float]]
) -> Callable[[], Rows]:
    """Blocks (half of the radii, colour, shape) over all speeds."""

    def rows() -> Rows:
        halves = _halves(SMALL_TO_LARGE, middle=MIDDLE_RADIUS, count=count)
        v = np.linspace(*SLOW_TO_FAST, speeds)
        return _blocks(*((halves[half], v, colour, shape) for half, colour, shape in levels))

    return rows


def _fast(
    count: int, *, radii: int, levels: Sequence[tuple[int, float, float]]
) -> Callable[[], Rows]:
    """Blocks (half of the speeds, colour, shape) over all radii."""

    def rows() -> Rows:
        halves = _halves(SLOW_TO_FAST, middle=MIDDLE_SPEED, count=count)
        r = np.linspace(*SMALL_TO_LARGE, radii)
        return _blocks(*((r, halves[half], colour, shape) for half, colour, shape in levels))

    return rows


def _free(radii: int, *, speeds: int, levels: Sequence[tuple[float, float]]) -> Callable[[], Rows]:
    """Blocks (colour, shape) over all radii and speeds."""

    def rows() -> Rows:
        r, v = np.linspace(*SMALL_TO_LARGE, radii), np.linspace(*SLOW_TO_FAST, speeds)
        return _blocks(*((r, v, colour, shape) for colour, shape in levels))

    return rows


COLOUR_SEEN = ((0, RED, DISC), (1, BLUE, DISC))
COLOUR_ALL = ((0, BLUE, DISC), (1, RED, DISC), *COLOUR_SEEN)
SHAPE_SEEN = ((0, RED, DISC), (1, RED, SQUARE))
SHAPE_ALL = (*SHAPE_SEEN, (0, RED, SQUARE), (1, RED, DISC))
COLOUR_SHAPE_ALL = ((RED, DISC), (BLUE, SQUARE), (RED, SQUARE), (BLUE, DISC))


def _like_large(rows: Rows) -> Bool[np.ndarray, " rows"]:
    """Slow and small, or fast and large."""
    r, v = rows[:, 0], rows[:, 1]
    return ((v <= MIDDLE_SPEED) & (r <= MIDDLE_RADIUS)) | (
        (v >= MIDDLE_SPEED) & (r >= MIDDLE_RADIUS)
    )


def _published_300k() -> Rows:
    rows = training_set("uniform", level="300K", values="random").rows
    return np.column_stack([rows, np.zeros((len(rows), 2))])


ATTRIBUTE_FILES: dict[str, Recipe] = {
    "colour_size": Recipe(_sized(RADII // 2, speeds=SPEEDS, levels=COLOUR_SEEN), chunk=SMALL_CHUNK),
    "colour_size_eval": Recipe(_sized(11, speeds=31, levels=COLOUR_ALL), chunk=SMALL_CHUNK),
    "colour_velocity": Recipe(
        _fast(SPEEDS // 2, radii=RADII, levels=COLOUR_SEEN), chunk=SMALL_CHUNK
    ),
    "colour_velocity_eval": Recipe(_fast(11, radii=36, levels=COLOUR_ALL), chunk=SMALL_CHUNK),
    "velocity_size": Recipe(_published_300k, chosen=_like_large),
    "size_shape": Recipe(_sized(RADII // 2, speeds=SPEEDS, levels=SHAPE_SEEN)),
    "size_shape_eval": Recipe(_sized(5, speeds=31, levels=SHAPE_ALL), chunk=SMALL_CHUNK),
    "velocity_shape": Recipe(_fast(SPEEDS // 2, radii=RADII, levels=SHAPE_SEEN)),
    "velocity_shape_eval": Recipe(_fast(16, radii=11, levels=SHAPE_ALL), chunk=SMALL_CHUNK),
    "colour_shape": Recipe(_free(RADII, speeds=SPEEDS, levels=COLOUR_SHAPE_ALL[:2])),
    "colour_shape_eval": Recipe(_free(11, speeds=31, levels=COLOUR_SHAPE_ALL), chunk=SMALL_CHUNK),
    "control_red_slow": Recipe(
        _fast(SPEEDS, radii=RADII, levels=COLOUR_SEEN[:1]), chunk=SMALL_CHUNK
    ),
    "control_blue_fast": Recipe(
        _fast(SPEEDS, radii=RADII, levels=COLOUR_SEEN[1:]), chunk=SMALL_CHUNK
    ),
}
"""`velocity_size` is tested on `gap_eval`, the controls on `colour_velocity_eval`."""
