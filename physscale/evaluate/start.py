"""Whether frames belong to the rows that they are measured against: the given frames must show
every body where the truth has it.

Another seed's rows, swapped colours, a border or another frame rate would otherwise be scored as a
bad model."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8

from physscale.evaluate.motion.track import Parsed, parse
from physscale.records.errors import UserError
from physscale.records.scene import WORLD_M
from physscale.records.video import PLACE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

__all__ = ["check_start", "start_error_m"]

TOLERANCE_M, TOLERANCE_PX = 0.1, 1.5
"""How far a body may be off, whichever is more: codecs blur, and small frames are coarse."""


def start_error_m(
    truth: Videos, pixels: UInt8[np.ndarray, "batch frames size size 3"], *, given: int
) -> Float[np.ndarray, " batch"]:
    """How far the body that is farthest off lies from its place in the given frames: infinitely
    far if it is not there, minus infinity for a video that shows no body."""
    first = replace(truth, time_s=truth.time_s[:, :given], state=truth.state[:, :given])
    canvas = Canvas(size_px=pixels.shape[2])
    found, true = (
        _tracks(first, frames) for frames in (pixels[:, :given], render(first, canvas=canvas))
    )
    error = np.hypot(found.x_m - true.x_m, found.y_m - true.y_m)
    error = np.where(found.seen, error, np.inf)
    return np.where(true.seen, error, -np.inf).max((1, 2))


def check_start(
    error_m: Float[np.ndarray, " videos"], *, size_px: int, given: int, name: str
) -> None:
    """Raises UserError if most videos do not begin as their rows do."""
    shown = error_m > -np.inf
    if not shown.any():
        raise UserError(
            f"{name}: no body is in view in the first {given} frames of any row; positions are "
            f"metres from 0 to {WORLD_M:g}, y up"
        )
    tolerance = max(TOLERANCE_M, TOLERANCE_PX * WORLD_M / size_px)
    off = error_m > tolerance
    if 2 * off.sum() <= shown.sum():
        return
    row = int(np.flatnonzero(off)[0])
    what = "is not there" if np.isinf(error_m[row]) else f"is {error_m[row]:.2g} m off"
    raise UserError(
        f"{name}: in {off.sum()} of {shown.sum()} videos the first {given} frames do not show the "
        f"bodies where their rows have them (in video {row} one {what}): are these other rows, "
        "colours or frame rates, or is there a border?"
    )


def _tracks(rows: Videos, frames: np.ndarray) -> Parsed:
    return parse(frames, body=rows.body, start_m=rows.state[:, 0, :, PLACE])
