"""States to frames. Frames are rendered on read: rendering a clip costs no more than decompressing
it."""

import numpy as np
from jaxtyping import UInt8

from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, COLOUR, PLACE, Videos
from physscale.render.canvas import Canvas
from physscale.render.hard import paint_hard
from physscale.render.outline import borders_m
from physscale.render.paint import paint
from physscale.render.paper import draw_as_the_paper

SIZES = [BODY.index("radius_m"), BODY.index("half_height_m")]


Frames = UInt8[np.ndarray, "batch frames height width 3"]


def render(videos: Videos, *, canvas: Canvas, out: Frames | None = None) -> Frames:
    """All frames of all videos: white background, bodies in their colours, later bodies over
    earlier ones.

    A box, a jar, sticks are drawn at their angle; a disc whose `half_height_m` is above 0 is a ring
    with a hole of that radius.

    Args:
        videos: states in metres, y up; a body may be partly or fully out of view.
        canvas: the frame's size and style.
        out: C-contiguous memory to draw into and return. Without it, half of the time goes into
            allocating memory.

    Raises:
        UserError: for a ring, an oblong or a turned box in the paper's style, which has no such
        shapes."""
    shape = (*videos.state.shape[:2], canvas.size_px, canvas.size_px, 3)
    frames = np.empty(shape, np.uint8) if out is None else out
    assert frames.shape == shape, f"out has shape {frames.shape}, these frames need {shape}"
    assert frames.flags.c_contiguous, "out must be C-contiguous"
    colours = videos.body[:, :, COLOUR].astype(np.float64)
    shapes = videos.body[:, :, BODY.index("shape")].astype(np.int64)
    if canvas.style == "paper":
        _check_plain(videos, boxes=shapes == Shape.BOX)
        radii = videos.body[:, :, SIZES[0]].astype(np.float64) / WORLD_M
        draw_as_the_paper(
            frames,
            videos.state[..., PLACE].astype(np.float64) / WORLD_M,
            radii,
            shapes == Shape.BOX,
            colours,
        )
        return frames
    pixels_per_m = canvas.size_px / WORLD_M
    poses = videos.state[..., :3].astype(np.float64)
    poses[..., PLACE] *= pixels_per_m
    poses[..., 1] = canvas.size_px - poses[..., 1]
    sizes = videos.body[:, :, SIZES].astype(np.float64) * pixels_per_m
    borders = borders_m(videos.body) * pixels_per_m
    painter = paint if canvas.style == "exact" else paint_hard
    painter(frames, poses, sizes, shapes, borders, colours)
    return frames


def _check_plain(videos: Videos, *, boxes: np.ndarray) -> None:
    half_width, half_height = (videos.body[:, :, column] for column in SIZES)
    turned = videos.state[..., 2][np.broadcast_to(boxes[:, None], videos.state.shape[:3])] != 0.0
    for wrong, what in (
        ((half_height[~boxes] != 0.0).any(), "has no rings, jars or sticks"),
        ((half_height[boxes] != half_width[boxes]).any(), "has squares, no other boxes"),
        (turned.any(), "turns nothing"),
    ):
        if wrong:
            raise UserError(
                f"style=paper: the official generator {what}; draw these rows with style=exact"
            )
