"""Which attribute wins? Two that always went together in training are crossed, and the generated
body is compared with both precedents.

A body of attributes (a, b) that never met in training has two precedents: the trained case with the
same a, and the one with the same b. How far the generated b moved from its own value (0) to that of
the first precedent (1), and a to that of the second, is the outcome:

    first  : b moved more than half of the way, a did not: a kept its value, and b followed the trained case of a
    second : the other way round             kept : neither moved, the combination is drawn as it was asked for
    swapped: both moved                      lost : the body is not seen for three frames

Frames count from the conditioning frames on while the true body is in view; colour, size and shape
are read in the later half of them. Colour is the share of each palette colour in the coverage, so a
purple ball is half way; shape is the nearer, pixel by pixel, of the drawings of both at the same
place and area; velocity is the least-squares slope. (arXiv 2411.02385, section 5.3, gives outcomes
without a threshold.)"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8

from physscale.evaluate.mechanisms.ranking import Duel
from physscale.evaluate.motion.components import find_components, unmixing
from physscale.evaluate.motion.outcomes import SLOPE_FRAMES, counted_frames, slope
from physscale.records.errors import UserError
from physscale.records.rate import Rate, wilson
from physscale.records.scene import AWAY_M, WORLD_M, Shape
from physscale.records.video import BODY, STATE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

Attribute = Literal["colour", "size", "velocity", "shape"]
Outcome = Literal["first", "second", "kept", "swapped", "lost"]
OUTCOME_NAMES: tuple[Outcome, ...] = ("first", "second", "kept", "swapped", "lost")

NEAR = 0.05
"""Trained cases have "the same" size or velocity within this part of the trained range."""

LEAST = {"size": 0.1, "velocity": 0.3}
"""m and m/s; precedents nearer than this are no conflict."""

RED, RADIUS, SECOND = BODY.index("red"), BODY.index("radius_m"), BODY.index("half_height_m")
Values = Float[np.ndarray, " batch"]


@dataclass(frozen=True)
class Look:
    """What two values of colour and shape there are; `colours` has one row where all bodies have
    the same."""

    colours: Float[np.ndarray, "palette 3"]
    shapes: tuple[tuple[int, float], ...]
    """(shape, half height ÷ radius)"""


@dataclass(frozen=True)
class Conflict:
    """How the crossed videos of one pair ended.

    Attributes:
        outcome: of each video that is a conflict.
        index: those videos' row numbers.
        first_moved, second_moved: how far each attribute went to the other's precedent; NaN where
            lost.
    """

    pair: tuple[Attribute, Attribute]
    index: np.ndarray
    outcome: np.ndarray
    first_moved: Values
    second_moved: Values

    @property
    def rates(self) -> dict[Outcome, Rate]:
        """Probability of each outcome with its Wilson interval."""
        return {
            name: wilson(int((self.outcome == name).sum()), of=len(self.outcome))
            for name in OUTCOME_NAMES
        }

    @property
    def duel(self) -> Duel:
        """The decided ones, for `ranking.rank`."""
        return Duel(
            *self.pair, *(int((self.outcome == side).sum()) for side in ("first", "second"))
        )


def conflict(
    truth: Videos,
    pixels: UInt8[np.ndarray, "batch frames size size 3"],
    *,
    training: Videos,
    pair: tuple[Attribute, Attribute],
    condition_frames: int,
) -> Conflict:
    """The outcome of each crossed video of one body.

    Args:
        truth: what the given frames ask for.
        pixels: what was generated.
        training: the trained rows (states suffice).

    Raises:
        UserError: where there is more than one body, or none of the videos is a conflict.
    """
    if truth.body.shape[1] != 1 or training.body.shape[1] != 1:
        raise UserError(
            f"attributes: conflicts are judged of one body, these rows have {truth.body.shape[1]}"
        )
    look = look_of(truth, training=training)
    asked, trained = (true_values(rows, look=look) for rows in (truth, training))
    targets = [
        precedents(asked, trained=trained, keep=keep, move=move)
        for keep, move in (pair[::-1], pair)
    ]
    chosen = np.all(
        [
            _differs(target, own=asked[name], name=name)
            for target, name in zip(targets, pair, strict=True)
        ],
        axis=0,
    )
    if not chosen.any():
        raise UserError(
            f"attributes: no video crosses {pair[0]} and {pair[1]}: every combination has a "
            "trained case like it"
        )
    made = measured(truth, pixels, look=look, condition_frames=condition_frames)
    moved = [
        ((made[name] - asked[name]) / np.where(chosen, target - asked[name], 1.0))[chosen]
        for name, target in zip(pair, targets, strict=True)
    ]
    return Conflict(pair, truth.index[chosen], _outcomes(*moved), *moved)


def look_of(truth: Videos, *, training: Videos) -> Look:
    """Colours and shapes of both sets together.

    Raises:
        UserError: for more than two of either.
    """
    body = np.concatenate([training.body[:, 0], truth.body[:, 0]]).astype(np.float64)
    colours = np.unique(body[:, RED : RED + 3], axis=0)
    shapes = [(int(kind), float(ratio)) for kind, ratio in np.unique(_kinds(body), axis=0).tolist()]
    if len(colours) > 2 or len(shapes) > 2:
        raise UserError(
            f"attributes: {len(colours)} colours and {len(shapes)} shapes; conflicts are between "
            "two"
        )
    return Look(colours, tuple(shapes))


def true_values(rows: Videos, *, look: Look) -> dict[Attribute, Values]:
    """Colour and shape as 0 or 1, size in m, velocity in m/s along the first direction."""
    body = rows.body[:, 0].astype(np.float64)
    velocity = rows.state[:, 0, 0, STATE.index("vx_m_s") : STATE.index("vx_m_s") + 2].astype(
        np.float64
    )
    return {
        "colour": (body[:, RED : RED + 3] == look.colours[-1]).all(1).astype(np.float64),
        "size": body[:, RADIUS],
        "velocity": np.linalg.norm(velocity, axis=1),
        "shape": (_kinds(body) == look.shapes[-1]).all(1).astype(np.float64),
    }


def _kinds(body: Float[np.ndarray, "batch constants"]) -> Float[np.ndarray, "batch 2"]:
    """Shape, and half height ÷ radius."""
    return np.stack(
        [body[:, BODY.index("shape")], np.round(body[:, SECOND] / body[:, RADIUS], 2)], axis=1
    )


def precedents(
    asked: dict[Attribute, np.ndarray],
    *,
    trained: dict[Attribute, np.ndarray],
    keep: Attribute,
    move: Attribute,
) -> Values:
    """The value of `move` in the trained cases that are like the asked one in `keep`: the nearest
    such value."""
    reach = NEAR * np.ptp(trained[keep])
    apart = np.abs(asked[keep][:, None] - trained[keep])
    like = apart <= np.maximum(reach, apart.min(1, keepdims=True) + 1e-9)
    distance = np.where(like, np.abs(asked[move][:, None] - trained[move]), np.inf)
    found: Values = trained[move][distance.argmin(1)]
    return found


def measured(
    truth: Videos,
    pixels: UInt8[np.ndarray, "batch frames size size 3"],
    *,
    look: Look,
    condition_frames: int,
) -> dict[Attribute, Values]:
    """The same four of the body in the frames; NaN where it is not seen for `SLOPE_FRAMES`
    frames."""
    size_px = pixels.shape[2]
    components = find_components(
        pixels,
        maps=unmixing(np.broadcast_to(look.colours, (len(truth), *look.colours.shape)).copy()),
    )
    area = np.nan_to_num(components.moments[:, :, :, 0, 2])
    total = area.sum(2)
    judged = counted_frames(truth, condition_frames=condition_frames).scored[..., 0] & (total > 0)
    judged[judged.sum(1) < SLOPE_FRAMES] = False
    place = (np.nan_to_num(components.moments[:, :, :, 0, :2]) * area[..., None]).sum(2) / np.where(
        total > 0, total, np.nan
    )[..., None]
    late = judged & (judged.cumsum(1) * 2 > judged.sum(1)[:, None])
    metres = np.stack([place[..., 0], size_px - place[..., 1]], -1) * (WORLD_M / size_px)
    area_m2 = _middle(total, used=late) * (WORLD_M / size_px) ** 2
    other = _other_shape(truth, pixels, look=look, place_m=metres, area_m2=area_m2, used=late)
    factor = np.where(other > 0.5, shape_area(look.shapes[-1]), shape_area(look.shapes[0]))
    velocity = slope(
        metres[:, :, None],
        time_s=truth.time_s[:, :, None].astype(np.float64),
        used=judged[..., None],
    )[:, 0]
    first = truth.state[:, 0, 0, 3:5].astype(np.float64)
    direction = first / np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-9)
    share = (
        area[..., -1] / np.where(total > 0, total, np.nan)
        if len(look.colours) > 1
        else np.where(total > 0, 0.0, np.nan)
    )
    return {
        "colour": _middle(share, used=late),
        "size": np.sqrt(area_m2 / factor),
        "velocity": (velocity * direction).sum(1),
        "shape": other,
    }


def shape_area(shape: tuple[int, float]) -> float:
    """Area of a body of radius (or half width) 1."""
    kind, ratio = shape
    return 4.0 * ratio if kind == Shape.BOX else float(np.pi * (1.0 - ratio**2))


def _other_shape(
    truth: Videos,
    pixels: np.ndarray,
    *,
    look: Look,
    place_m: np.ndarray,
    area_m2: np.ndarray,
    used: np.ndarray,
) -> Values:
    """Share of the used frames in which the second shape's drawing is the nearer; 0 where there is
    one shape."""
    if len(look.shapes) == 1:
        return np.where(used.any(1), 0.0, np.nan)
    error = [
        np.square(
            _cover(
                _drawn(
                    truth, shape=shape, place_m=place_m, area_m2=area_m2, size_px=pixels.shape[2]
                ),
                colours=np.zeros((1, 3)),
            )
            - _cover(pixels, colours=look.colours)
        ).sum((2, 3))
        for shape in look.shapes
    ]
    nearer = (error[1] < error[0]) & used
    return nearer.sum(1) / np.where(used.any(1), used.sum(1), np.nan)


def _drawn(
    truth: Videos,
    *,
    shape: tuple[int, float],
    place_m: np.ndarray,
    area_m2: np.ndarray,
    size_px: int,
) -> np.ndarray:
    """The body in black, of this shape, with the seen places and area."""
    body, state = truth.body.copy(), truth.state.copy()
    radius = np.sqrt(np.nan_to_num(area_m2, nan=1.0) / shape_area(shape))
    body[:, 0, BODY.index("shape")], body[:, 0, RADIUS], body[:, 0, SECOND] = (
        shape[0],
        radius,
        shape[1] * radius,
    )
    body[:, 0, RED : RED + 3] = 0.0
    state[:, :, 0, :2] = np.nan_to_num(place_m, nan=AWAY_M)
    state[:, :, 0, STATE.index("angle_rad")] = 0.0
    return render(
        replace(truth, body=body, state=state, pixels=None), canvas=Canvas(size_px=size_px)
    )


def _cover(pixels: np.ndarray, *, colours: np.ndarray) -> np.ndarray:
    """How much of each pixel is covered, whatever the colour."""
    unmix = np.linalg.pinv(1.0 - colours.T / 255.0).sum(0)
    cover: np.ndarray = (1.0 - pixels / np.float32(255.0)) @ unmix.astype(np.float32)
    return cover


def _middle(values: np.ndarray, *, used: Bool[np.ndarray, "batch frames"]) -> Values:
    """Median of the used frames; NaN where there is none."""
    found = np.full(len(values), np.nan)
    for row in np.flatnonzero(used.any(1)):
        found[row] = np.median(values[row][used[row]])
    return found


def _differs(target: Values, *, own: Values, name: Attribute) -> Bool[np.ndarray, " batch"]:
    return np.abs(target - own) >= LEAST.get(name, 0.5)


def _outcomes(first_moved: Values, second_moved: Values) -> np.ndarray:
    one, other = first_moved > 0.5, second_moved > 0.5
    lost = ~np.isfinite(first_moved) | ~np.isfinite(second_moved)
    table = [lost, one & other, other, one]
    return np.select(table, ["lost", "swapped", "first", "second"], default="kept")
