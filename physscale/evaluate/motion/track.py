"""Frames back to states: where each body is, its size, shape and colour, and whether it is there
exactly once.

Components of each colour (`evaluate.motion.components`) become bodies. If a colour has one body,
the heaviest component is that body. If it has several, a Hungarian assignment gives components to
bodies by the least total distance from where each should be next. Anything but one component per
body is reported, never averaged away: a body without a component is not `seen`; two bodies in one
component are `merged` and have no place; components in excess, each at least a quarter of the
smallest body, make the bodies `duplicated`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from scipy.optimize import linear_sum_assignment

from physscale.evaluate.motion.components import (
    AREA,
    MOMENTS,
    Components,
    X,
    Y,
    find_components,
    unmixing,
)
from physscale.evaluate.motion.true_shape import aspect_of, shape_change, true_shape
from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY

WHOLE_TOLERANCE_PX = 0.25
DUPLICATE = 0.25
"""A further component counts as a double if it has at least this part of the smallest body's area;
otherwise it is debris."""

MERGED = 0.5
"""A component holds a second body where it is larger than its own body by this part of the other's
area."""

COLOUR = slice(MOMENTS.index("red"), MOMENTS.index("blue") + 1)
RED = BODY.index("red")
LARGEST_STEP_RGB = 255.0 * math.sqrt(3.0)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """Tracks of N bodies in world units, y up, NaN where a body is not seen.

    Attributes:
        seen: the body is there, in a component of its own.
        whole: seen, and no edge of the view cuts it (a cut disc's centroid lies off its centre).
    """

    x_m: Float[np.ndarray, "batch frames bodies"]
    y_m: Float[np.ndarray, "batch frames bodies"]
    radius_m: Float[np.ndarray, "batch frames bodies"]
    seen: Bool[np.ndarray, "batch frames bodies"]
    whole: Bool[np.ndarray, "batch frames bodies"]


@dataclass(frozen=True, kw_only=True)
class Observed(Parsed):
    """Tracks from frames: also what became of number, shape and colour.

    Attributes:
        duplicated: its colour shows more components than bodies.
        merged: it shares a component with another body of its colour; neither is `seen`.
        shape_change: |second moment ÷ its true value - 1| and the elongation that it should not
            have, together; NaN unless whole.
        colour_change: distance of its inner colour from the true one, 1 for black to white; NaN
            where it has no inner pixel.
    """

    duplicated: Bool[np.ndarray, "batch frames bodies"]
    merged: Bool[np.ndarray, "batch frames bodies"]
    shape_change: Float[np.ndarray, "batch frames bodies"]
    colour_change: Float[np.ndarray, "batch frames bodies"]

    @staticmethod
    def joined(parts: Sequence["Observed"]) -> "Observed":
        """The tracks of some videos, one after the other."""
        return Observed(
            **{
                column.name: np.concatenate([getattr(part, column.name) for part in parts])
                for column in fields(Observed)
            }
        )


def parse(
    pixels: UInt8[np.ndarray, "batch frames size size 3"],
    *,
    body: Float32[np.ndarray, "batch bodies constants"],
    start_m: Float32[np.ndarray, "batch bodies 2"] | None = None,
) -> Observed:
    """One track per body. Bodies are distinguished by colour, and by position if they share one.

    Args:
        pixels: frames, true or generated.
        body: the constants of the bodies that should be there (`records.video.BODY`); colours that
            differ must differ in direction.
        start_m: where the bodies are in the first frame; needed where two share a colour.
    """
    groups = _colour_groups(body)
    moments = np.full((*pixels.shape[:2], body.shape[1], len(MOMENTS)), np.nan)
    merged, duplicated = (np.zeros(moments.shape[:3], bool) for _ in range(2))
    size_px = pixels.shape[2]
    area_px = true_shape(body).area_m2 * (size_px / WORLD_M) ** 2
    for pattern in np.unique(groups, axis=0):
        rows = np.flatnonzero((groups == pattern).all(1))
        firsts = np.unique(pattern)
        colours = body[rows][:, firsts, RED : RED + 3].astype(np.float64)
        components = find_components(
            pixels if len(rows) == len(pixels) else pixels[rows], maps=unmixing(colours)
        )
        for place, first in enumerate(firsts.tolist()):
            members = np.flatnonzero(pattern == first)
            if len(members) == 1:
                moments[rows, :, members[0]] = components.moments[:, :, place, 0]
            else:
                assert start_m is not None, (
                    "bodies of one colour cannot be told apart by colour: say where they start "
                    "(start_m)"
                )
                begin = np.stack([start_m[..., 0], WORLD_M - start_m[..., 1]], -1)[rows][
                    :, members
                ] * (size_px / WORLD_M)
                for number, row in enumerate(rows.tolist()):
                    some = components.moments[number, :, place]
                    found = _tracked(
                        some, begin=begin[number].astype(np.float64), area_px=area_px[row, members]
                    )
                    moments[row][:, members], merged[row][:, members] = found.moments, found.merged
            doubles = _doubles(
                components,
                place=place,
                least_px=DUPLICATE * area_px[rows][:, members].min(1),
                bodies=len(members),
            )
            duplicated[rows[:, None], :, members[None, :]] = doubles[:, None, :]
    return _observed(moments, body=body, size_px=size_px, merged=merged, duplicated=duplicated)


def _colour_groups(body: Float32[np.ndarray, "batch bodies constants"]) -> np.ndarray:
    """For each body the first one of its colour."""
    colour = body[..., RED : RED + 3]
    same = (colour[:, :, None] == colour[:, None]).all(-1)
    groups: np.ndarray = same.argmax(2)
    return groups


def _doubles(
    components: Components, *, place: int, least_px: np.ndarray, bodies: int
) -> Bool[np.ndarray, "rows frames"]:
    large = components.moments[:, :, place, :, AREA] >= least_px[:, None, None]
    more: np.ndarray = large.sum(-1) > bodies
    return more


@dataclass(frozen=True)
class _Track:
    moments: Float[np.ndarray, "frames bodies 9"]
    merged: Bool[np.ndarray, "frames bodies"]


def _tracked(
    components: Float[np.ndarray, "frames 8 9"],
    *,
    begin: Float[np.ndarray, "bodies 2"],
    area_px: np.ndarray,
) -> _Track:
    """Components to bodies of one colour, frame by frame, each expected where its last two places
    point."""
    frames, bodies = len(components), len(begin)
    moments = np.full((frames, bodies, components.shape[2]), np.nan)
    merged = np.zeros((frames, bodies), bool)
    last, step = begin.copy(), np.zeros_like(begin)
    for frame in range(frames):
        there = components[frame][np.isfinite(components[frame, :, AREA])]
        expected = last + step
        cost = np.linalg.norm(expected[:, None] - there[None, :, :2], axis=-1)
        body, component = linear_sum_assignment(cost)
        moments[frame, body] = there[component]
        lost = np.setdiff1d(np.arange(bodies), body)
        for other in lost.tolist():
            spare = there[component, AREA] - area_px[body] - MERGED * area_px[other]
            if len(spare) and spare.max() > 0:
                merged[frame, [other, body[int(spare.argmax())]]] = True
        moments[frame, merged[frame]] = np.nan
        found = np.isfinite(moments[frame, :, X])
        place = np.where(found[:, None], moments[frame, :, :2], expected)
        step = np.where(found[:, None], place - last, step) if frame else step
        last = place
    return _Track(moments, merged)


def _observed(
    moments: np.ndarray,
    *,
    body: np.ndarray,
    size_px: int,
    merged: np.ndarray,
    duplicated: np.ndarray,
) -> Observed:
    m_per_px = WORLD_M / size_px
    x_px, y_px, area = moments[..., X], moments[..., Y], np.maximum(moments[..., AREA], 0.0)
    true, disc = true_shape(body), body[..., BODY.index("shape")] == Shape.DISC
    plain = disc & (body[..., BODY.index("half_height_m")] == 0.0)
    size_m = body[..., BODY.index("radius_m")].astype(np.float64)
    scale = np.sqrt(area * m_per_px**2 / true.area_m2[:, None])
    radius_m = np.where(plain[:, None], np.sqrt(area / math.pi) * m_per_px, scale * size_m[:, None])
    seen = np.isfinite(x_px)
    reach = radius_m * np.where(disc, 1.0, np.maximum(1.0, aspect_of(body)))[:, None] / m_per_px
    margin = np.minimum(np.minimum(x_px, size_px - x_px), np.minimum(y_px, size_px - y_px)) - reach
    whole = np.where(seen, margin, -np.inf) >= -WHOLE_TOLERANCE_PX
    colour = body[:, None, :, RED : RED + 3].astype(np.float64)
    return Observed(
        x_m=x_px * m_per_px,
        y_m=WORLD_M - y_px * m_per_px,
        radius_m=np.where(seen, radius_m, np.nan),
        seen=seen,
        whole=whole,
        duplicated=duplicated,
        merged=merged,
        shape_change=np.where(whole, shape_change(moments, true=true), np.nan),
        colour_change=np.linalg.norm(moments[..., COLOUR] - colour, axis=-1) / LARGEST_STEP_RGB,
    )
