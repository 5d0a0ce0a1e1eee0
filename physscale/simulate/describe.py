"""The initial state in numbers and in words, as optional inputs beside the frames (arXiv 2411.02385, appendix).

Both are functions of a row, so they are columns made on read: nothing is stored twice.
"""

import numpy as np
from jaxtyping import Float32

from physscale.records.scene import Shape
from physscale.records.video import BODY, STATE, Videos

NUMBERS = ("radius_m", "x_m", "y_m", "vx_m_s", "vy_m_s")
COLOURS = {(255, 0, 0): "red", (0, 0, 255): "blue", (128, 128, 128): "grey", (0, 0, 0): "black"}


def numbers(videos: Videos) -> Float32[np.ndarray, "batch bodies 5"]:
    """`NUMBERS` of every body at the first frame."""
    radius = videos.body[:, :, BODY.index("radius_m")]
    first = videos.state[:, 0]
    return np.stack([radius, *(first[:, :, STATE.index(name)] for name in NUMBERS[1:])], axis=-1)


def sentences(videos: Videos) -> list[str]:
    """One English sentence a body, joined, in metres and metres per second with two decimals."""
    values = numbers(videos)
    return [
        " ".join(_sentence(*each) for each in zip(bodies, row.tolist(), strict=True))
        for bodies, row in zip(videos.body, values, strict=True)
    ]


def _sentence(body: np.ndarray, state: list[float]) -> str:
    radius, x, y, vx, vy = state
    rgb = tuple(int(value) for value in body[BODY.index("red") : BODY.index("red") + 3])
    colour = COLOURS.get((rgb[0], rgb[1], rgb[2]), f"rgb{rgb}")
    second = body[BODY.index("half_height_m")]
    thing = "ring" if second > 0 else "ball"
    if body[0] == Shape.BOX:
        thing = "square" if second == body[BODY.index("radius_m")] else "bar"
    size = f"half width {radius:.2f}" if thing in ("square", "bar") else f"radius {radius:.2f}"
    way = "rests" if vx == 0 and vy == 0 else f"moves with velocity ({vx:.2f}, {vy:.2f})"
    return f"A {colour} {thing} of {size} at ({x:.2f}, {y:.2f}) {way}."
