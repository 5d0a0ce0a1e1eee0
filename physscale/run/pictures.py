"""Moving pictures of samples below their truth."""

import numpy as np
from jaxtyping import UInt8

__all__ = ["FRAMES_PER_S", "beside"]

ENLARGED = 4
CONTROLS_PX = 44
"""White strip at the bottom, so that a player's controls do not hide the sample."""

FRAMES_PER_S = 8


def beside(
    truth: UInt8[np.ndarray, "batch time height width 3"],
    samples: UInt8[np.ndarray, "batch time height width 3"],
) -> UInt8[np.ndarray, "time tall wide 3"]:
    """One picture sequence: truth above, sample below, enlarged, with thin grey lines."""
    above, below = (
        np.concatenate([_framed(video) for video in row], axis=2) for row in (truth, samples)
    )
    strip = np.full_like(above[:, :CONTROLS_PX], 255)
    return np.concatenate([above, below, strip], axis=1)


def _framed(video: np.ndarray) -> np.ndarray:
    large = video.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    large[:, -2:] = large[:, :, -2:] = 200
    return large
