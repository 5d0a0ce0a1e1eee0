"""The initial state in numbers and in words, as optional inputs beside the frames (arXiv
2411.02385, appendix).

Both are functions of a row, so they are columns made on read: nothing is stored twice.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32

from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, COLOUR, STATE, Videos

NUMBERS = ("radius_m", "x_m", "y_m", "vx_m_s", "vy_m_s")
COLOURS = {(255, 0, 0): "red", (0, 0, 255): "blue", (128, 128, 128): "grey", (0, 0, 0): "black"}
THINGS = {Shape.JAR: "jar", Shape.STICKS: "pair of crossed sticks"}

LEAST_TOLD_RAD = 0.005

X, ANGLE, VX, OMEGA = (STATE.index(name) for name in ("x_m", "angle_rad", "vx_m_s", "omega_rad_s"))
SCALES = {
    "x_m": (WORLD_M / 2, WORLD_M / 2),
    "y_m": (WORLD_M / 2, WORLD_M / 2),
    "vx_m_s": (0.0, 4.0),
    "vy_m_s": (0.0, 4.0),
    "omega_rad_s": (0.0, 4.0),
    "radius_m": (0.0, 1.0),
    "half_height_m": (0.0, 1.0),
    "mass_kg": (0.0, 4.0),
    "elasticity": (0.0, 1.0),
    "red": (127.5, 127.5),
    "green": (127.5, 127.5),
    "blue": (127.5, 127.5),
}
"""Centre and scale of each number: fixed, so that a number means the same in every data set."""


def present(videos: Videos) -> Bool[np.ndarray, "batch bodies"]:
    """Which places of a row hold a body in or near the view. All rows of a data set have as many
    places as its fullest row."""
    there: np.ndarray = (videos.body[:, :, BODY.index("radius_m")] > 0) & (
        videos.state[:, 0, :, X] > -WORLD_M
    )
    return there


def scaled_numbers(videos: Videos) -> Float32[np.ndarray, "batch bodies 19"]:
    """For every body at the first frame: 1, its shape (one of four), its angle as cosine and sine,
    and all of `SCALES`, centred and scaled to about 1. Zeros for an absent body."""
    names = {
        **{name: videos.state[:, 0, :, at] for at, name in enumerate(STATE)},
        **dict(zip(BODY, np.moveaxis(videos.body, -1, 0), strict=True)),
    }
    scaled = [(names[name] - centre) / scale for name, (centre, scale) in SCALES.items()]
    shape = [names["shape"] == kind for kind in Shape]
    angle = [np.cos(names["angle_rad"]), np.sin(names["angle_rad"])]
    there = present(videos)
    numbers = np.stack([there, *shape, *angle, *scaled], axis=-1) * there[..., None]
    return numbers.astype(np.float32)


def mirrored(videos: Videos, *, coins: Bool[np.ndarray, " batch"]) -> Videos:
    """The rows; those whose coin is true are mirrored left to right."""
    state = videos.state.copy()
    state[coins, ..., X] = WORLD_M - state[coins, ..., X]
    for at in (ANGLE, VX, OMEGA):
        state[coins, ..., at] *= -1
    return replace(videos, state=state)


def numbers(videos: Videos) -> Float32[np.ndarray, "batch bodies 5"]:
    """`NUMBERS` of every body at the first frame."""
    radius = videos.body[:, :, BODY.index("radius_m")]
    first = videos.state[:, 0]
    return np.stack([radius, *(first[:, :, STATE.index(name)] for name in NUMBERS[1:])], axis=-1)


def sentences(videos: Videos) -> list[str]:
    """One English sentence per present body, joined, in metres and metres per second with two
    decimals."""
    values, there = numbers(videos), present(videos)
    return [
        " ".join(
            _sentence(*each)
            for each in zip(bodies[seen], row[seen].tolist(), angles[seen].tolist(), strict=True)
        )
        for bodies, row, angles, seen in zip(
            videos.body, values, videos.state[:, 0, :, ANGLE], there, strict=True
        )
    ]


def _sentence(body: np.ndarray, state: list[float], angle_rad: float) -> str:
    radius, x, y, vx, vy = state
    rgb = tuple(int(value) for value in body[COLOUR])
    colour = COLOURS.get((rgb[0], rgb[1], rgb[2]), f"rgb{rgb}")
    second = body[BODY.index("half_height_m")]
    thing = "ring" if second > 0 else "ball"
    if body[0] == Shape.BOX:
        thing = "square" if second == body[BODY.index("radius_m")] else "bar"
    thing = THINGS.get(Shape(int(body[0])), thing)
    size = f"half width {radius:.2f}" if thing in ("square", "bar") else f"radius {radius:.2f}"
    way = "rests" if vx == 0 and vy == 0 else f"moves with velocity ({vx:.2f}, {vy:.2f})"
    turned = f" turned by {angle_rad:.2f}" if abs(angle_rad) >= LEAST_TOLD_RAD else ""
    return f"A {colour} {thing} of {size} at ({x:.2f}, {y:.2f}){turned} {way}."
