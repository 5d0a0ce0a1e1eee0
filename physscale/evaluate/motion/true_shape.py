"""The measures of a correctly drawn body, and how far a component is from them."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from physscale.evaluate.motion.components import (
    AREA,
    XX,
    XY,
    YY,
)
from physscale.records.scene import Shape
from physscale.records.video import BODY


@dataclass(frozen=True)
class TrueShape:
    """The measures of a body's drawing: area, 2π × second moment ÷ area², and elongation; NaN for
    jars and sticks."""

    area_m2: Float[np.ndarray, "batch bodies"]
    spread: Float[np.ndarray, "batch bodies"]
    elongation: Float[np.ndarray, "batch bodies"]


def true_shape(body: Float32[np.ndarray, "batch bodies constants"]) -> TrueShape:
    """Of discs (spread 1), rings and boxes (a square's is π/3)."""
    kind = body[..., BODY.index("shape")].astype(int)
    size, second = (
        body[..., BODY.index(name)].astype(np.float64) for name in ("radius_m", "half_height_m")
    )
    box, disc = kind == Shape.BOX, kind == Shape.DISC
    squares, gap = size**2 + second**2, np.where(disc, size**2 - second**2, 1.0)
    safe = np.where(box, size * second, 1.0)
    area = np.where(box, 4 * safe, np.where(disc, math.pi * gap, math.pi * size**2))
    spread = np.where(
        box,
        math.pi * squares / (6 * safe),
        np.where(disc, squares / np.where(gap > 0, gap, 1.0), np.nan),
    )
    elongation = np.where(
        box,
        np.abs(size**2 - second**2) / np.where(squares > 0, squares, 1.0),
        np.where(disc, 0.0, np.nan),
    )
    return TrueShape(area, spread, elongation)


def aspect_of(body: np.ndarray) -> np.ndarray:
    """Half height ÷ half width of a box."""
    aspect: np.ndarray = body[..., BODY.index("half_height_m")] / np.maximum(
        body[..., BODY.index("radius_m")], 1e-6
    )
    return aspect


def shape_change(moments: np.ndarray, *, true: TrueShape) -> np.ndarray:
    xx, yy, xy, area = (moments[..., column] for column in (XX, YY, XY, AREA))
    total = xx + yy
    spread = 2 * math.pi * total / np.where(area > 0, area, np.nan)
    elongation = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.where(total > 0, total, np.nan)
    change: np.ndarray = np.hypot(
        spread / true.spread[:, None] - 1.0, elongation - true.elongation[:, None]
    )
    return change
