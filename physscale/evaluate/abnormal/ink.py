"""The red and grey ink of PHYRE's frames, in which its bodies are found."""

import numpy as np

INKS = ((12.0, 176.0, 185.0), (70.0, 53.0, 45.0))
"""What red and grey subtract from white."""


def unmixed(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Red and grey coverage[T, 2, H, W], the unexplained ink, and the darkness (1 for black)."""
    found = 255.0 - pixels.astype(np.float64)
    ink = found @ np.linalg.pinv(np.array(INKS))
    rest = np.linalg.norm(found - ink @ np.array(INKS), axis=-1) / 255.0
    return np.ascontiguousarray(ink.transpose(0, 3, 1, 2)), rest, found.min(-1) / 255.0
