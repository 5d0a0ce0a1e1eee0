"""The four attributes of a single body, in its true state and in generated frames: colour, size,
velocity and shape.

Frames count after the conditioning frames, while the true body is in view. Colour, size and shape
are read in the later half of these frames. Colour is the share of the second palette colour in the
covered area, so a purple ball lies half way between red and blue. Shape is the share of frames that
are nearer, pixel by pixel, to a drawing of the second shape with the same place and area. Velocity
is the least-squares slope."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8

from physscale.evaluate.motion.components import find_components, unmixing
from physscale.evaluate.motion.outcomes import SLOPE_FRAMES, counted_frames, slope
from physscale.records.errors import UserError
from physscale.records.scene import AWAY_M, WORLD_M, Shape
from physscale.records.video import BODY, COLOUR, PLACE, STATE, VELOCITY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenario import Attribute

RADIUS, SECOND = BODY.index("radius_m"), BODY.index("half_height_m")
Values = Float[np.ndarray, " batch"]


@dataclass(frozen=True)
class Look:
    """The colours and shapes that occur, at most two of each.

    Attributes:
        colours: RGB from 0 to 255.
        shapes: shape, and half height ÷ radius.
    """

    colours: Float[np.ndarray, "palette 3"]
    shapes: tuple[tuple[int, float], ...]


def look_of(truth: Videos, *, training: Videos) -> Look:
    """Colours and shapes of both sets of videos together.

    Raises:
        UserError: if there are more than two of either.
    """
    body = np.concatenate([training.body[:, 0], truth.body[:, 0]]).astype(np.float64)
    colours = np.unique(body[:, COLOUR], axis=0)
    shapes = [(int(kind), float(ratio)) for kind, ratio in np.unique(_kinds(body), axis=0).tolist()]
    if len(colours) > 2 or len(shapes) > 2:
        raise UserError(
            f"attributes: {len(colours)} colours and {len(shapes)} shapes; a conflict is between "
            "two"
        )
    return Look(colours, tuple(shapes))


def true_values(rows: Videos, *, look: Look) -> dict[Attribute, Values]:
    """Colour and shape as 0 or 1, size in m, velocity in m/s along the first direction."""
    body = rows.body[:, 0].astype(np.float64)
    velocity = rows.state[:, 0, 0, VELOCITY].astype(np.float64)
    return {
        "colour": (body[:, COLOUR] == look.colours[-1]).all(1).astype(np.float64),
        "size": body[:, RADIUS],
        "velocity": np.linalg.norm(velocity, axis=1),
        "shape": (_kinds(body) == look.shapes[-1]).all(1).astype(np.float64),
    }


def _kinds(body: Float[np.ndarray, "batch constants"]) -> Float[np.ndarray, "batch 2"]:
    """Shape, and half height ÷ radius."""
    return np.stack(
        [body[:, BODY.index("shape")], np.round(body[:, SECOND] / body[:, RADIUS], 2)], axis=1
    )


def measured(
    truth: Videos,
    pixels: UInt8[np.ndarray, "batch frames size size 3"],
    *,
    look: Look,
    condition_frames: int,
) -> dict[Attribute, Values]:
    """The same four values of the body in the frames; NaN where fewer than `SLOPE_FRAMES` frames
    show it."""
    size_px = pixels.shape[2]
    components = find_components(
        pixels,
        maps=unmixing(np.broadcast_to(look.colours, (len(truth), *look.colours.shape)).copy()),
    )
    area = np.nan_to_num(components.moments[:, :, :, 0, 2])
    total = area.sum(2)
    counted = counted_frames(truth, condition_frames=condition_frames).scored[..., 0] & (total > 0)
    counted[counted.sum(1) < SLOPE_FRAMES] = False
    place = (np.nan_to_num(components.moments[:, :, :, 0, :2]) * area[..., None]).sum(2) / np.where(
        total > 0, total, np.nan
    )[..., None]
    late = counted & (counted.cumsum(1) * 2 > counted.sum(1)[:, None])
    metres = np.stack([place[..., 0], size_px - place[..., 1]], -1) * (WORLD_M / size_px)
    area_m2 = _middle(total, used=late) * (WORLD_M / size_px) ** 2
    other = _other_shape(truth, pixels, look=look, place_m=metres, area_m2=area_m2, used=late)
    factor = np.where(other > 0.5, shape_area(look.shapes[-1]), shape_area(look.shapes[0]))
    velocity = slope(
        metres[:, :, None],
        time_s=truth.time_s[:, :, None].astype(np.float64),
        used=counted[..., None],
    )[:, 0]
    first = truth.state[:, 0, 0, VELOCITY].astype(np.float64)
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
    """Share of the used frames that are nearer to the second shape's drawing; 0 if there is one
    shape."""
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
    """The body in black and of this shape, with the measured places and area."""
    body, state = truth.body.copy(), truth.state.copy()
    radius = np.sqrt(np.nan_to_num(area_m2, nan=1.0) / shape_area(shape))
    body[:, 0, BODY.index("shape")] = shape[0]
    body[:, 0, RADIUS] = radius
    body[:, 0, SECOND] = shape[1] * radius
    body[:, 0, COLOUR] = 0.0
    state[:, :, 0, PLACE] = np.nan_to_num(place_m, nan=AWAY_M)
    state[:, :, 0, STATE.index("angle_rad")] = 0.0
    return render(
        replace(truth, body=body, state=state, pixels=None), canvas=Canvas(size_px=size_px)
    )


def _cover(pixels: np.ndarray, *, colours: np.ndarray) -> np.ndarray:
    """How much of each pixel is covered by any colour."""
    unmix = np.linalg.pinv(1.0 - colours.T / 255.0).sum(0)
    cover: np.ndarray = (1.0 - pixels / np.float32(255.0)) @ unmix.astype(np.float32)
    return cover


def _middle(values: np.ndarray, *, used: Bool[np.ndarray, "batch frames"]) -> Values:
    """Median over the used frames; NaN where there is none."""
    found = np.full(len(values), np.nan)
    for row in np.flatnonzero(used.any(1)):
        found[row] = np.median(values[row][used[row]])
    return found
