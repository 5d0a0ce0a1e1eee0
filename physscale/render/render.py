"""States to frames: rendered on read, because drawing a clip costs no more than decompressing it."""

import numpy as np
from jaxtyping import UInt8

from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.disc import draw_discs

RED = BODY.index("red")


def render(videos: Videos, *, canvas: Canvas) -> UInt8[np.ndarray, "batch frames height width 3"]:
    """All frames of all videos: white background, bodies in their colours, later bodies over earlier ones.

    Args:
        videos: states in metres, y up; a body may be partly or fully out of view.
        canvas: the frame's size.
    """
    assert (videos.body[:, :, BODY.index("shape")] == Shape.DISC).all(), "the exact style draws discs"
    pixels_per_m = canvas.size_px / WORLD_M
    centres = videos.state[..., :2].astype(np.float64) * pixels_per_m
    centres[..., 1] = canvas.size_px - centres[..., 1]
    frames = np.empty((*videos.state.shape[:2], canvas.size_px, canvas.size_px, 3), np.uint8)
    radii = videos.body[:, :, BODY.index("radius_m")].astype(np.float64) * pixels_per_m
    draw_discs(frames, centres, radii, videos.body[:, :, RED : RED + 3].astype(np.float64))
    return frames
