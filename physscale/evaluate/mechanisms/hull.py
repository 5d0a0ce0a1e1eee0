"""Does the error grow with the distance from the training states: inside their convex hull, in its
holes, and outside?

A video's state is the initial velocities and radii of its bodies. Each is in units of half the
trained range, or in 1 m/s and 1 m if training has a single value. `hull` is the distance to the
convex hull of the training states, a non-negative least-squares problem per video in any number of
dimensions. `nearest` is the distance to the nearest training state. A video with `hull` 0 and a
large `nearest` lies in a hole.

Three numbers say how the error rises: the slope of its logarithm, an isotonic fit (the monotone
curve of least squares), and the ratio of the means outside and inside. All have bootstrap intervals
over the videos."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import isotonic_regression, nnls
from scipy.spatial import ConvexHull, cKDTree
from scipy.stats import spearmanr

from physscale.evaluate.scores import Interval
from physscale.records.errors import UserError
from physscale.records.video import BODY, VELOCITY, Videos

DRAWS = 500
GRID = 5
"""Number of distances at which the isotonic fit is evaluated."""

SUM_WEIGHT = 1e4
"""Weight of the condition that a point's convex weights add up to 1."""

MOST_AXES = 4
"""In more dimensions the training states are not reduced to the corners of the hull first."""

INSIDE = 0.02
"""A point nearer to the hull than 1 % of the trained range counts as inside: the hull of a sample
is smaller than the sampled range."""


@dataclass(frozen=True)
class Distances:
    """Distances of each video in half trained ranges; 0 inside."""

    hull: Float[np.ndarray, " batch"]
    nearest: Float[np.ndarray, " batch"]


@dataclass(frozen=True)
class Rise:
    """How an error depends on a distance.

    Attributes:
        slope: slope of the log error, per unit of distance.
        factor: mean error outside ÷ mean error inside (distance 0); None if either has no video.
        spearman: rank correlation.
        at, isotonic: distances, and the monotone curve at them.
    """

    slope: Interval
    factor: Interval | None
    spearman: Interval
    at: Float[np.ndarray, " grid"]
    isotonic: tuple[Interval, ...]


def training_distances(videos: Videos, *, training: Videos) -> Distances:
    """Distances of the videos' states from the training states.

    Raises:
        UserError: if the numbers of bodies differ.
    """
    if videos.body.shape[1] != training.body.shape[1]:
        raise UserError(
            f"hull: the videos have {videos.body.shape[1]} bodies, the training "
            f"{training.body.shape[1]}"
        )
    asked, known = _states(videos), _states(training)
    used = (np.ptp(known, axis=0) > 0) | (np.abs(asked - known[0]) > 1e-6).any(0)
    half = np.ptp(known, axis=0) / 2
    scale = np.where(half > 1e-6, half, 1.0)
    return point_distances((asked / scale)[:, used], known=(known / scale)[:, used])


def point_distances(
    points: Float[np.ndarray, "batch axes"], *, known: Float[np.ndarray, "known axes"]
) -> Distances:
    """Distances of points from the convex hull of the known ones, and from the nearest one."""
    nearest, _ = cKDTree(known).query(points)
    corners = _corners(known)
    design = np.concatenate([corners.T, np.full((1, len(corners)), SUM_WEIGHT)])
    hull = np.array(
        [
            np.linalg.norm(corners.T @ nnls(design, np.append(point, SUM_WEIGHT))[0] - point)
            for point in points
        ]
    )
    return Distances(np.where(hull < INSIDE, 0.0, hull), nearest)


def rise(
    error: Float[np.ndarray, " batch"], *, distance: Float[np.ndarray, " batch"], seed: int = 0
) -> Rise:
    """How the error rises with the distance; videos without an error (NaN) do not count.

    Raises:
        UserError: if there are fewer than three videos, or all have the same distance.
    """
    kept = np.isfinite(error) & np.isfinite(distance)
    error, distance = error[kept], distance[kept]
    if len(error) < 3 or np.ptp(distance) == 0:
        raise UserError(
            f"hull: {len(error)} videos at {len(np.unique(distance))} distances; a rise needs "
            "at least three videos at two distances"
        )
    grid = np.linspace(0.0, float(distance.max()), GRID)
    rng = np.random.Generator(np.random.Philox(key=seed))
    draws = [
        np.arange(len(error)),
        *(rng.integers(len(error), size=len(error)) for _ in range(DRAWS)),
    ]
    numbers = np.array([_numbers(error[draw], distance[draw], grid) for draw in draws])
    slope, factor, spearman, *curve = (_interval(column, count=len(error)) for column in numbers.T)
    return Rise(slope, factor if np.isfinite(factor.value) else None, spearman, grid, tuple(curve))


def _numbers(error: np.ndarray, distance: np.ndarray, grid: np.ndarray) -> list[float]:
    log = np.log(np.maximum(error, 1e-9))
    centred = distance - distance.mean()
    spread = (centred**2).sum()
    beyond = distance > 0
    at, group, count = np.unique(distance, return_inverse=True, return_counts=True)
    fitted = isotonic_regression(np.bincount(group, weights=error) / count, weights=count).x
    with_ties = spearmanr(distance, error).statistic if spread > 0 else np.nan
    factor = (
        error[beyond].mean() / error[~beyond].mean()
        if beyond.any() and not beyond.all()
        else np.nan
    )
    return [
        (centred * log).sum() / spread if spread > 0 else np.nan,
        factor,
        with_ties,
        *np.interp(grid, at, fitted),
    ]


def _interval(values: np.ndarray, *, count: int) -> Interval:
    """The first value is of the data, the others are of the draws."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (np.nan, np.nan)
    return Interval(float(values[0]), float(low), float(high), count)


def _states(videos: Videos) -> Float[np.ndarray, "batch axes"]:
    velocity = videos.state[:, 0][..., VELOCITY].astype(np.float64).reshape(len(videos), -1)
    return np.concatenate(
        [velocity, videos.body[:, :, BODY.index("radius_m")].astype(np.float64)], axis=1
    )


def _corners(known: Float[np.ndarray, "known axes"]) -> np.ndarray:
    """The corners of the hull; all points if it is flat or has many dimensions."""
    axes = known.shape[1]
    centred = known - known.mean(0)
    if axes == 1:
        return known[[known.argmin(), known.argmax()]]
    if (
        axes > MOST_AXES
        or len(known) <= axes + 1
        or np.linalg.matrix_rank(centred, tol=1e-6) < axes
    ):
        return known
    return known[ConvexHull(known).vertices]
