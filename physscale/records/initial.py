"""The numbers that the published files call `init_streams`: radii and first speeds of a row (arXiv
2411.02385)."""

import numpy as np
from jaxtyping import Bool, Float

from physscale.records.video import BODY, STATE, Videos

DECIMALS = 6
"""Rows are in single precision. Rounding restores 0.7 and 4.0, the borders of the trained
ranges."""

STILL_M_S = 1e-4
VX, VY = STATE.index("vx_m_s"), STATE.index("vy_m_s")


def initial_numbers(videos: Videos) -> Float[np.ndarray, "batch values"]:
    """[r, v] of one body, [r₁, r₂, v₁, v₂] of two, … A thrown ball's speed is its horizontal
    one."""
    first = videos.state[:, 0].astype(np.float64)
    along, up = np.abs(first[..., VX]), np.abs(first[..., VY])
    speed = np.where((along > STILL_M_S) | falls(videos)[:, None], along, up)
    radius = videos.body[:, :, BODY.index("radius_m")].astype(np.float64)
    return np.concatenate([radius, speed], axis=1).round(DECIMALS)


def falls(videos: Videos) -> Bool[np.ndarray, " batch"]:
    """Which rows have gravity: the vertical speed changes from the first frame to the second,
    before anything can touch."""
    change = np.diff(videos.state[:, :3, :, VY].astype(np.float64), axis=1)
    falling: np.ndarray = np.all(np.abs(change) > 1e-2, axis=(1, 2))
    return falling
